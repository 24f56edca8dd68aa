"""Waiting for what announces itself nowhere: a row, a page of the server, a line of its log."""
import asyncio

from parley_client import WAIT


async def until(test, what, timeout=WAIT):
    """Asks, beside the loop, until the answer is true, and returns it; fails after the timeout and says what was missing."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not (result := await loop.run_in_executor(None, test)):
        assert loop.time() < end, f"waited {timeout} s for {what}"
        await asyncio.sleep(0.02)
    return result
