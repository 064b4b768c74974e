"""What a change does: which operators it affects, and what it asks less of them."""
