"""The least that aiohttp can do: the model read out of the body, one upstream for all, chunks passed as they come.

python bare_aiohttp.py UPSTREAM_PORT      (its own port, any free one, is printed)
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import orjson
import uvloop
from aiohttp import web

DROPPED = {"connection", "keep-alive", "transfer-encoding", "content-length"}


async def main() -> None:
    upstreams = {"bench": f"http://127.0.0.1:{sys.argv[1]}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session:

        async def relay(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            url = upstreams[orjson.loads(body)["model"]] + request.path_qs
            headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
            async with session.request(request.method, url, headers=headers, data=body) as upstream:
                kept = {name: value for name, value in upstream.headers.items() if name.lower() not in DROPPED}
                response = web.StreamResponse(status=upstream.status, headers=kept)
                response.content_length = upstream.content_length
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", relay)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


uvloop.run(main())
