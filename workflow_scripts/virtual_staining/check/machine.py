"""How fast one core of this machine is, measured in half a second."""

import time

import numpy as np

REFERENCE_S = 0.0735  # processor time of a round on the machine whose speeds `estimate` holds
ROUNDS, REPEATS = 4, 8  # the fastest round counts: the others were disturbed
PRODUCTS, SIDE = 1200, 64  # matrices small enough for one core's cache, and for one thread
STREAMED = 2**23  # numbers, more than any cache holds


def core_speed() -> float:
    """Return the speed of one core, 1 for the machine whose speeds the estimate holds.

    The kernel is half matrix products, as in networks, and half reading and writing of memory, as
    in filters. Processor time counts, so that other work on the machine changes little.
    """
    matrices = np.full((PRODUCTS, SIDE, SIDE), 0.5, np.float32)
    stream = np.full(STREAMED, 2, np.float32)
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(REPEATS):
            np.matmul(matrices, matrices)
            np.sqrt(stream, out=stream)
        times.append(time.process_time() - start)
    return REFERENCE_S / max(min(times), 1e-6)
