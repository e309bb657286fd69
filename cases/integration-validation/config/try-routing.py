"""Starts registry, router and a babysitter with a mock backend, and asks the router a question.

    try-routing.py DIRECTORY-OF-THE-PROGRAMS MOCK-BACKEND SCRATCH-DIRECTORY

Everything listens on free ports and is ended at the end; what the programs said is shown when nobody answers.
"""

import json
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

SECONDS = 90


def free_ports(count):
    """Ports that nobody has; a babysitter takes the one after its backend's as well."""
    while True:
        sockets = [socket.socket() for _ in range(count)]
        try:
            sockets[0].bind(("127.0.0.1", 0))
            first = sockets[0].getsockname()[1]
            for offset, other in enumerate(sockets[1:], start=1):
                other.bind(("127.0.0.1", first + offset))
            return list(range(first, first + count))
        except (OSError, OverflowError):
            pass
        finally:
            for other in sockets:
                other.close()


def ask(url, value=None):
    data = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    # No proxy: all of this is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return json.load(response)


def main():
    programs, mock, scratch = map(pathlib.Path, sys.argv[1:4])
    registry, router, backend, _ = free_ports(4)
    config = scratch / "babysitter.toml"
    words = [str(mock), "--name", "mock-a", "--port", str(backend), "--models", "model-1"]
    config.write_text(f"""name = "babysitter-a"
host = "127.0.0.1"
port = {backend}
registry_url = "http://127.0.0.1:{registry}"
router_url = "http://127.0.0.1:{router}"
[backend]
type = "command"
command = "python3"
args = {json.dumps(words)}
""")
    commands = {
        "registry": ["infini-registry", "--port", str(registry)],
        "router": ["infini-router", "--router-port", str(router), "--registry-url",
                   f"http://127.0.0.1:{registry}", "--registry-sync-interval", "1", "--health-interval", "1"],
        "babysitter": ["infini-babysitter", "--config-file", str(config)],
    }
    running, last = [], "nothing was asked"
    try:
        for name, words in commands.items():
            with open(scratch / f"{name}.log", "w") as log:
                program = [str(programs / words[0]), *words[1:]]
                running.append(subprocess.Popen(program, stdout=log, stderr=subprocess.STDOUT))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(0.5)
            try:
                question = {"model": "model-1", "messages": [{"role": "user", "content": "who is there?"}]}
                answer = ask(f"http://127.0.0.1:{router}/v1/chat/completions", question)
                print(answer["choices"][0]["message"]["content"])
                return 0
            except (OSError, ValueError, KeyError) as error:
                last = error
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    print(f"the router gave no answer within {SECONDS} s: {last}")
    for name in commands:
        print(f"--- {name}\n{(scratch / f'{name}.log').read_text()[-2000:]}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
