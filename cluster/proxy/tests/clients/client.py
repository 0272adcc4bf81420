"""Uses the package toxiproxy-python: client.py HOST:PORT UPSTREAM, where the upstream echoes."""

import json
import socket
import sys

import toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

server, upstream = sys.argv[1:]
client = toxiproxy.Toxiproxy()
host, port = server.rsplit(":", 1)
client.update_api_consumer(host, int(port))


def connect(proxy):
    host, port = proxy.listen.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=60)


def read(stream, length):
    """What comes, up to a length or the end."""
    text = b""
    while len(text) < length:
        more = stream.recv(length - len(text))
        if not more:
            break
        text += more
    return text


def ask(stream, text):
    stream.sendall(text)
    return read(stream, len(text))


def raises(kind, status, call, *arguments, **keywords):
    try:
        call(*arguments, **keywords)
    except kind as error:
        assert json.loads(error.args[0])["status"] == status, error
    else:
        raise AssertionError("%s was not raised" % kind)


assert client.running()
assert json.loads(client.version())["version"].startswith("2.")
assert client.proxies() == {}

proxy = client.create(upstream=upstream, name="echo")
assert proxy.enabled and client.get_proxy("echo").listen == proxy.listen
raises(ProxyExists, 409, toxiproxy.api.APIConsumer.post, "/proxies", json={"name": "echo", "upstream": upstream})
stream = connect(proxy)
assert ask(stream, b"hello") == b"hello"

# Toxics are listed as they were added, and act on the connection that is there.
proxy.add_toxic(type="latency", attributes={"latency": 20, "jitter": 10})
proxy.add_toxic(type="slicer", stream="upstream", attributes={"average_size": 2})
proxy.add_toxic(type="bandwidth", name="slow", toxicity=0.5, attributes={"rate": 1000})
toxics = proxy.toxics()
assert set(toxics) == {"latency_downstream", "slicer_upstream", "slow"}, toxics
assert toxics["slow"].toxicity == 0.5 and toxics["slow"].attributes == {"rate": 1000}
assert toxics["latency_downstream"].attributes == {"latency": 20, "jitter": 10}
assert ask(stream, b"slowly") == b"slowly"
for name in toxics:
    assert proxy.destroy_toxic(name)
raises(NotFound, 404, proxy.destroy_toxic, "slow")
raises(InvalidToxic, 400, proxy.add_toxic, type="none")

proxy.add_toxic(type="limit_data", attributes={"bytes": 3})
stream.sendall(b"hello")
assert read(stream, 5) == b"hel"

with proxy.down():
    try:
        connect(proxy)
        raise AssertionError("it is not down")
    except ConnectionRefusedError:
        pass

# Enables all, and removes the toxics.
proxy.disable()
assert client.reset()
assert proxy.toxics() == {} and client.get_proxy("echo").enabled
assert ask(connect(proxy), b"hello") == b"hello"

proxies = client.populate([{"name": "one", "upstream": upstream}, {"name": "two", "upstream": upstream}])
assert [proxy.name for proxy in proxies] == ["one", "two"]
client.destroy_all()
assert client.proxies() == {}
raises(NotFound, 404, proxy.destroy)
print("all is well")
