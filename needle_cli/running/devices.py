"""Devices by name: which are meant, which can judge, and why the others cannot."""

from __future__ import annotations

from collections.abc import Sequence

from needle_cli.running.local import usable_cores


def named_devices(devices: Sequence[str]) -> tuple[str, ...]:
    """Return the devices that are meant, once each: `all` is the host and every GPU."""
    named = [["cpu", *_gpus()] if device == "all" else [device] for device in devices]
    found: dict[str, str] = {}
    for device in (device for names in named for device in names):
        found.setdefault("cuda:0" if device == "cuda" else device, device)
    return tuple(found.values())


def usable_devices(devices: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the devices that can judge, and a line for each that cannot."""
    reasons = {device: why_not(device) for device in devices}
    usable = [device for device, reason in reasons.items() if not reason]
    return usable, [f"not answered on {d}: {reason}" for d, reason in reasons.items() if reason]


def _gpus() -> list[str]:
    """Return the GPUs that can be used; `cuda:0`, which says why not, where there is none."""
    from needle import backend

    found = [device for device in backend.all_devices() if device != backend.cpu()]
    return [f"cuda:{place}" for place in range(len(found))] or ["cuda:0"]


def why_not(device: str) -> str:
    """Say why nothing can be judged on a device; "" where it can."""
    if device in ("cpu", "sim"):
        return ""
    from needle import DeviceUnavailableError, backend

    try:
        backend.cuda(int(device.partition(":")[2] or 0)).namespace()
    except DeviceUnavailableError as error:
        return " ".join(str(error).split())
    return ""


def device_states() -> dict[str, str]:
    """Return what can be said of every kind of device."""
    return {
        "cpu": f"ready, {usable_cores()} cores",
        "cuda": why_not("cuda") or "ready",
        "sim": "ready: refuses what a GPU refuses, computes on the host",
    }
