/** Where a client really is: the peer's address, or what a proxy that we trust says of it. */
import { BlockList, isIP, isIPv4 } from "node:net";

/** Networks whose `X-Forwarded-For` is believed; null: nobody's is. */
export function compileNetworks(networks: readonly string[]): BlockList | null {
  if (networks.length === 0) return null;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIPv4(address) ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/**
 * The address that limits count by: IPv4 whole, IPv6 its /64, since one customer holds that many addresses.
 *
 * @param peer who is connected
 * @param forwardedFor the header, each proxy having added who was connected to it
 */
export function clientAddress(peer: string, forwardedFor: string, trusted: BlockList | null): string {
  let address = plain(peer);
  // Nobody is asked any further.
  const chain = trusted === null ? [] : forwardedFor.split(",").map((item) => plain(item.trim()));
  while (trusted !== null && isTrusted(address, trusted)) {
    const before = chain.pop();
    if (before === undefined || isIP(before) === 0) break;
    address = before;
  }
  return isIPv4(address) ? address : network64(address);
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** IPv4 inside IPv6 as uWebSockets writes it, which is nearly every peer: `plain` would take ten times as long. */
const mappedPeer = /^(?:0000:){5}ffff:([0-9a-f]{2})([0-9a-f]{2}):([0-9a-f]{2})([0-9a-f]{2})$/;

/**
 * One spelling for each address: IPv4 inside IPv6 is IPv4, a port is cut off, IPv6 is written short. What is no
 * address stays as it is; any client may write such things.
 */
function plain(text: string): string {
  const peer = mappedPeer.exec(text);
  if (peer !== null)
    return peer
      .slice(1)
      .map((byte) => Number.parseInt(byte, 16))
      .join(".");
  const whole =
    /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  // `isIP` takes an address with a zone, as in fe80::1%eth0, for one; `URL` does not.
  const bare = whole.split("%", 1)[0]!;
  if (isIP(bare) !== 6) return bare;
  const short = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped === null) return short;
  const bytes = [mapped[1]!, mapped[2]!].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return bytes.join(".");
}

function network64(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? [] : tail.split(":");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** As much of an address as a log may hold: IPv4 /24, IPv6 /48. @param address as `clientAddress` gives it */
export function addressRange(address: string): string {
  if (isIPv4(address)) return `${address.slice(0, address.lastIndexOf("."))}.0/24`;
  return `${address.split(":").slice(0, 3).join(":")}::/48`;
}
