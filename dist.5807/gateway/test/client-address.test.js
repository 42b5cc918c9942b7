import t from "tap";
import { clientAddress, compileNetworks } from "../client-address.js";
const nobody = compileNetworks([]);
const proxies = compileNetworks(["10.0.0.0/8", "fd00::/8", "192.0.2.7"]);
t.test("the peer's address, where nobody is trusted", async (t) => {
    t.equal(clientAddress("203.0.113.9", "198.51.100.1", nobody), "203.0.113.9");
});
t.test("the last address that no trusted proxy has added", async (t) => {
    t.equal(clientAddress("10.1.2.3", "198.51.100.1", proxies), "198.51.100.1");
    t.equal(clientAddress("10.1.2.3", "1.1.1.1, 198.51.100.1, 192.0.2.7", proxies), "198.51.100.1");
    t.equal(clientAddress("fd00::1", "198.51.100.1:4711", proxies), "198.51.100.1");
});
t.test("a header that is missing or nonsense changes nothing", async (t) => {
    t.equal(clientAddress("10.1.2.3", "", proxies), "10.1.2.3");
    t.equal(clientAddress("10.1.2.3", "unknown", proxies), "10.1.2.3");
});
t.test("IPv4 inside IPv6 is IPv4; of IPv6 the /64 counts", async (t) => {
    t.equal(clientAddress("0000:0000:0000:0000:0000:ffff:0a01:0203", "198.51.100.1", proxies), "198.51.100.1");
    t.equal(clientAddress("2001:db8:1:2:3:4:5:6", "", nobody), "2001:db8:1:2::/64");
    t.equal(clientAddress("2001:db8:1:2:ffff::1", "", nobody), "2001:db8:1:2::/64");
    t.equal(clientAddress("2001:db8::1", "", nobody), "2001:db8:0:0::/64");
    t.equal(clientAddress("::1", "", nobody), "0:0:0:0::/64");
});
t.test("a zone is no part of an address, and any client may write one", async (t) => {
    t.equal(clientAddress("203.0.113.9", "fe80::1%eth0", nobody), "203.0.113.9");
    t.equal(clientAddress("10.1.2.3", "fe80::1%eth0", proxies), "fe80:0:0:0::/64");
    t.equal(clientAddress("10.1.2.3", "[2001:db8::1%25x]:80", proxies), "2001:db8:0:0::/64");
    t.equal(clientAddress("10.1.2.3", "%", proxies), "10.1.2.3");
});
//# sourceMappingURL=client-address.test.js.map