import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import t from "tap";
import { choosePorts, freePort } from "../local/ports.js";
const range = "/proc/sys/net/ipv4/ip_local_port_range";
t.test("ports that are chosen are none that the system gives to outgoing connections", { skip: process.platform !== "linux" && "Linux says which those are" }, async (t) => {
    const first = Number(readFileSync(range, "utf8").split(/\s+/)[0]);
    const ports = [...(await choosePorts(0, 20)), await freePort()];
    t.same(ports.filter((port) => port >= first), []);
    t.equal(new Set(ports.slice(0, 20)).size, 20, "each is another one");
});
t.test("they can be listened on", async (t) => {
    const server = createServer();
    const port = await freePort();
    await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
    t.pass();
    server.close();
});
//# sourceMappingURL=ports.test.js.map