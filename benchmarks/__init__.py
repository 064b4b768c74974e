"""Speed and detection beside the peers: the same work, in one run."""
