"""Answers with its supervisor and its limits, instead of judging, in workers."""

import os
import resource
import time


def judge(task, breadcrumb):
    time.sleep(0.2)
    return {
        "process": os.getppid(),
        "worker": os.getpid(),
        "pool": os.environ["CUPY_GPU_MEMORY_LIMIT"],
        "limit": resource.getrlimit(resource.RLIMIT_DATA)[0],
        "clean": True,
    }
