/** Which flows the network policies of some objects let through. */
import { isIPv4 } from "node:net";
import type { KubeObject } from "./kustomize.ts";
import { ofKind, selects, workloadsOf } from "./manifests.ts";

/** Somebody who could talk or be talked to: a pod by its labels, or an address outside. */
interface Party {
  name: string;
  labels: Record<string, string>;
  namespace: string;
  address?: string;
  /** Named ports of a pod. */
  ports: Record<string, number>;
}

const OUR_NAMESPACE = "foyer";

const elsewhere = (name: string, namespace: string): Party => ({ name, namespace, labels: {}, ports: {} });
const outside = (name: string, address: string): Party => ({ ...elsewhere(name, ""), address });

const others: Party[] = [
  elsewhere("ingress controller", "haproxy-controller"),
  elsewhere("Prometheus", "monitoring"),
  elsewhere("trace collector", "observability"),
  elsewhere("names", "kube-system"),
  elsewhere("another namespace", "default"),
  { ...elsewhere("another pod of ours", OUR_NAMESPACE), labels: { app: "other" } },
  outside("names on the machine", "169.254.20.10"),
  outside("the cloud's metadata", "169.254.169.254"),
  outside("own network", "10.20.30.40"),
  outside("internet", "203.0.113.7"),
];

/** Every port that anything of this listens on, and two that nothing does. */
const PORTS = [53, 80, 443, 4318, 5432, 6379, 8375, 9375, 22, 26379];

/** @returns every flow that is let through, as "who → whom port" */
export function flowsOf(objects: KubeObject[]): string[] {
  const policies = ofKind(objects, "NetworkPolicy");
  const pods = workloadsOf(objects).map(({ name, labels, pod }): Party => {
    const ports = pod.containers.flatMap(({ ports = [] }: KubeObject) => ports);
    const numbers = ports.map((port: KubeObject) => [port.name, port.containerPort]);
    return { name, labels, namespace: OUR_NAMESPACE, ports: Object.fromEntries(numbers) };
  });
  const parties = [...pods, ...others];
  return parties.flatMap((from) =>
    parties
      .filter((to) => to !== from && (pods.includes(from) || pods.includes(to)))
      .flatMap((to) =>
        PORTS.filter((port) => isAllowed(policies, from, to, port)).map(
          (port) => `${from.name} → ${to.name} ${port}`,
        ),
      ),
  );
}

/** Both ends have to allow it; those that are not ours do. */
function isAllowed(policies: KubeObject[], from: Party, to: Party, port: number): boolean {
  return (
    allows(policies, "Egress", from, to, { port, names: to.ports }) &&
    allows(policies, "Ingress", to, from, { port, names: to.ports })
  );
}

function allows(
  policies: KubeObject[],
  direction: "Ingress" | "Egress",
  subject: Party,
  peer: Party,
  { port, names }: { port: number; names: Party["ports"] },
): boolean {
  if (subject.namespace !== OUR_NAMESPACE) return true;
  const about = policies.filter(
    ({ spec }) => spec.policyTypes.includes(direction) && selects(spec.podSelector, subject.labels),
  );
  if (about.length === 0) return true;
  const rules = about.flatMap(({ spec }) => (direction === "Ingress" ? spec.ingress : spec.egress) ?? []);
  return rules.some(({ from, to, ports }) => {
    const peers: KubeObject[] | undefined = direction === "Ingress" ? from : to;
    const isPeer = peers === undefined || peers.some((each) => matches(each, peer));
    const isPort =
      ports === undefined || ports.some((each: KubeObject) => (names[each.port] ?? each.port) === port);
    return isPeer && isPort;
  });
}

/** An address block is about addresses outside alone: whether it counts for pods too is the network's own affair. */
function matches(peer: KubeObject, party: Party): boolean {
  if (peer.ipBlock) {
    const { cidr, except = [] } = peer.ipBlock;
    const { address } = party;
    return (
      address !== undefined && isIn(address, cidr) && !except.some((block: string) => isIn(address, block))
    );
  }
  if (party.address !== undefined) return false;
  const { namespaceSelector, podSelector = {} } = peer;
  const isNamespace =
    namespaceSelector === undefined
      ? party.namespace === OUR_NAMESPACE
      : selects(namespaceSelector, { "kubernetes.io/metadata.name": party.namespace });
  return isNamespace && selects(podSelector, party.labels);
}

function isIn(address: string, cidr: string): boolean {
  const [base = "", bits] = cidr.split("/");
  if (!isIPv4(base)) throw new Error(`${cidr} is no block of IPv4 addresses`);
  const shift = 2n ** BigInt(32 - Number(bits));
  return toNumber(address) / shift === toNumber(base) / shift;
}

function toNumber(address: string): bigint {
  return address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}
