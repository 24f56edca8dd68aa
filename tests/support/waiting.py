"""Waiting for what announces itself nowhere: a row, a page of the server, a line of its log, the end of a process."""
import asyncio
import os

from parley_link import WAIT


async def until(test, what, timeout=WAIT):
    """Asks, beside the loop, until the answer is true, and returns it; fails after the timeout and says what was missing."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not (result := await loop.run_in_executor(None, test)):
        assert loop.time() < end, f"waited {timeout} s for {what}"
        await asyncio.sleep(0.02)
    return result


async def ended(process):
    """Until the process has ended, whoever collects it."""
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


async def moment(rng, least, most):
    """So many seconds pass, by chance: for trouble that may come at any moment. Never in place of an event."""
    await asyncio.sleep(rng.uniform(least, most))
