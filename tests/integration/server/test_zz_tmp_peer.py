from __future__ import annotations
import signal, time
from running_swaplab import sim, event_data
from swaplab_core.testing.sim_process import running_sim_process
import pytest

def test_peer_stream_survives_sigterm(serve, tmp_path):
    with running_sim_process("--tokens","460","--tokens-per-second","20", output_file=tmp_path/"p.log") as peer:
        s = serve({}, peers={"lab": {"proxy": peer.base_url, "models": ["m"]}}, killed=True)
        with s.streaming("m") as r:
            r.readline()
            t=time.time()
            s.process.send(signal.SIGTERM)
            try:
                body = r.read()
                print("whole", len(event_data(body)), event_data(body)[-1][:100], time.time()-t)
            except Exception as e:
                print("EXC", repr(e)[:300], time.time()-t)
        print(s.process.wait(), time.time()-t)
        print(s.log()[-2000:])
