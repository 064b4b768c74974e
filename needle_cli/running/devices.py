"""Devices by name: which were asked for, which can be used, and why the others cannot."""

from __future__ import annotations

from collections.abc import Sequence

from needle_cli.engines import registry
from needle_cli.running.local import usable_cores


def named_devices(devices: Sequence[str]) -> tuple[str, ...]:
    """Return the devices that were asked for, once each; `all` is the host and every GPU."""
    named = [
        ["cpu", *registry.engine().devices()] if device == "all" else [device] for device in devices
    ]
    found: dict[str, str] = {}
    for device in (device for names in named for device in names):
        found.setdefault("cuda:0" if device == "cuda" else device, device)
    return tuple(found.values())


def usable_devices(devices: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the devices that can be used, and a line for each that cannot."""
    reasons = {device: why_not(device) for device in devices}
    usable = [device for device, reason in reasons.items() if not reason]
    return usable, [f"nothing judged on {d}: {reason}" for d, reason in reasons.items() if reason]


def why_not(device: str) -> str:
    """Return why a device cannot be used; "" if it can."""
    return "" if device == "cpu" else registry.engine().why_not(device)


def device_states() -> dict[str, str]:
    """Return the state of every kind of device."""
    return {
        "cpu": f"ready, {usable_cores()} cores",
        "cuda": why_not("cuda") or "ready",
        "sim": "ready: refuses what a GPU refuses, computes on the host",
    }
