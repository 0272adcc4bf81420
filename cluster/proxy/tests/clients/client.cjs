// Uses the package toxiproxy-node-client: client.cjs HOST:PORT UPSTREAM, where the upstream echoes.

const assert = require("node:assert");
const net = require("node:net");
const { Toxiproxy, ToxiproxyError } = require("toxiproxy-node-client");

const [server, upstream] = process.argv.slice(2);
const client = new Toxiproxy(`http://${server}`);

// What comes back for a text, up to its length or the end.
function ask(proxy, text) {
    const port = Number(proxy.listen.split(":").pop());
    return new Promise((resolve, reject) => {
        const stream = net.connect(port, "127.0.0.1", () => stream.write(text));
        let answer = "";
        stream.on("data", (data) => {
            answer += data;
            if (answer.length >= text.length) stream.end();
        });
        stream.on("close", () => resolve(answer));
        stream.on("error", reject);
    });
}

async function main() {
    assert.match(JSON.parse(await client.getVersion()).version, /^2\./);
    let proxy = await client.createProxy({ name: "echo", listen: "127.0.0.1:0", upstream });
    assert.strictEqual(proxy.enabled, true);
    assert.strictEqual(await ask(proxy, "hello"), "hello");
    const again = client.createProxy({ name: "echo", listen: "127.0.0.1:0", upstream });
    await assert.rejects(again, ToxiproxyError);

    let toxic = await proxy.addToxic({
        type: "latency", stream: "upstream", toxicity: 1, attributes: { latency: 10, jitter: 2 },
    });
    assert.strictEqual(toxic.name, "latency_upstream");
    assert.strictEqual(await ask(proxy, "slowly"), "slowly");
    toxic = await toxic.update({ attributes: { jitter: 7 }, toxicity: 0.5 });
    assert.deepStrictEqual(toxic.toJson(), {
        attributes: { latency: 10, jitter: 7 }, name: "latency_upstream", stream: "upstream",
        toxicity: 0.5, type: "latency",
    });
    assert.deepStrictEqual((await proxy.getToxic("latency_upstream")).toJson(), toxic.toJson());
    await toxic.remove();
    await assert.rejects(proxy.getToxic("latency_upstream"), ToxiproxyError);
    await assert.rejects(proxy.addToxic({ type: "none" }), ToxiproxyError);

    await proxy.addToxic({ type: "limit_data", attributes: { bytes: 3 } });
    assert.strictEqual(await ask(proxy, "hello"), "hel");

    proxy = await proxy.update({ enabled: false });
    assert.strictEqual(proxy.enabled, false);
    await assert.rejects(ask(proxy, "hello"), { code: "ECONNREFUSED" });
    // Enables all, and removes the toxics.
    await client.reset();
    proxy = await client.get("echo");
    assert.strictEqual(proxy.enabled, true);
    assert.strictEqual(await ask(proxy, "hello"), "hello");

    const more = await client.populate([{ name: "more", listen: "127.0.0.1:0", upstream }]);
    assert.strictEqual(await ask(more.more, "hello"), "hello");
    assert.deepStrictEqual(Object.keys(await client.getAll()), ["echo", "more"]);
    await proxy.remove();
    await assert.rejects(client.get("echo"), ToxiproxyError);
    console.log("all is well");
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
