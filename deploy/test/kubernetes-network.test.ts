/** Who may talk to whom in the cluster: exactly what the nodes need. */
import t from "tap";
import { renderings } from "./manifests.ts";
import { flowsOf } from "./network-flows.ts";

/** Flows that nodes need, as "who → whom port". Stores are an address somewhere, or pods in the cluster. */
function neededFlows(hasStores: boolean, components: readonly string[]): string[] {
  const nodes = ["foyer-gateway", "foyer-core"];
  const anywhere = ["own network", "internet"];
  const stores = (users: string[], pod: string, ports: number[]) =>
    users.flatMap((user) =>
      hasStores
        ? [`${user} → ${pod} ${ports[0]}`]
        : anywhere.flatMap((place) => ports.map((port) => `${user} → ${place} ${port}`)),
    );
  return [
    "ingress controller → foyer-gateway 8375",
    ...nodes.map((node) => `Prometheus → ${node} 9375`),
    ...[...nodes, "foyer-migrate-0.1.0"].flatMap((node) => [
      `${node} → names 53`,
      `${node} → names on the machine 53`,
    ]),
    ...stores(nodes, "foyer-trial-redis", [6379, 26379]),
    ...stores(["foyer-core", "foyer-migrate-0.1.0"], "foyer-trial-postgres", [5432]),
    ...(components.includes("social-logins") ? ["foyer-core → internet 443"] : []),
    ...(components.includes("tracing") ? nodes.map((node) => `${node} → trace collector 4318`) : []),
  ];
}

for (const { name, objects, variant, hasStores } of renderings) {
  t.test(`${name}: the policies allow what nodes need, and nothing else`, async (t) => {
    t.strictSame(flowsOf(objects).sort(), neededFlows(hasStores, variant.components).sort());
  });
}
