"""A backend that pretends: lists models, and answers every chat with its own name. Python's standard library alone."""

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        server = self.server
        if self.path in ("/models", "/v1/models"):
            models = [{"id": model, "object": "model", "owned_by": server.name} for model in server.models]
            self.answer(200, {"object": "list", "data": models})
        elif self.path == "/health":
            self.answer(200, {"status": "healthy", "service": server.name})
        else:
            self.answer(404, {"error": f"no {self.path} here"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            asked = json.loads(body)
        except ValueError:
            return self.answer(400, {"error": "not JSON"})
        if not self.path.endswith("/chat/completions"):
            return self.answer(404, {"error": f"no {self.path} here"})
        message = {"role": "assistant", "content": f"answered by {self.server.name}"}
        self.answer(200, {
            "id": f"mock-{time.time_ns()}",
            "object": "chat.completion",
            "model": asked.get("model", ""),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4},
        })


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--models", required=True, help="with commas between them")
    given = parser.parse_args()
    server = ThreadingHTTPServer(("0.0.0.0", given.port), Backend)
    server.name = given.name
    server.models = given.models.split(",")
    server.serve_forever()


if __name__ == "__main__":
    main()
