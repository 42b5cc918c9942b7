/** What the manifests name exists: labels, ports, settings, secrets, metrics. */
import { readdirSync, readFileSync } from "node:fs";
import { Registry } from "prom-client";
import t, { type Test } from "tap";
import { createCoreMetrics } from "../../core/metrics.ts";
import { createGatewayMetrics } from "../../gateway/metrics.ts";
import { readSettings, type SettingName, settingRows } from "../../shared/settings.ts";
import { containersOf, type KubeObject } from "./kustomize.ts";
import { environmentOf, ofKind, one, renderings, selects, type Workload, workloadsOf } from "./manifests.ts";

/** Secrets that the operator makes (docs/kubernetes.md), with their keys. */
const secrets: Record<string, string[]> = {
  "foyer-stores": ["database-url", "redis-url"],
  "foyer-social": [
    "twitter-client-id",
    "twitter-client-secret",
    "linkedin-client-id",
    "linkedin-client-secret",
  ],
  "foyer-tls": ["tls.crt", "tls.key"],
};
/** Settings that hold addresses of stores, as the operator may give them. */
const addresses: Record<string, string> = {
  "database-url": "postgres://foyer@db.example/foyer",
  "redis-url": "redis://redis.example",
};
/** What runs of ours in a container, by its first argument. */
const roles: Record<string, { folder: string; required: SettingName[] }> = {
  gateway: { folder: "gateway", required: ["REDIS_URL"] },
  core: { folder: "core", required: ["DATABASE_URL", "REDIS_URL"] },
  migrate: { folder: "deploy/cli", required: ["DATABASE_URL"] },
};

/** Who wants to know of each command, on every node. */
const reports = readFileSync(new URL("../../shared/command-reports.ts", import.meta.url), "utf8");

/** By the folder whose sources name them. */
const settingsOf = Object.fromEntries(
  Object.values(roles).map(({ folder }) => [folder, findSettings(folder)]),
);

for (const { name, objects, variant, hasStores } of renderings) {
  const workloads = workloadsOf(objects);
  const selected = (selector: KubeObject) => workloads.filter(({ labels }) => selects(selector, labels));

  t.test(`${name}: selectors find the pods that are meant, and only those`, async (t) => {
    const namesOf = (found: Workload[]) => found.map((workload) => workload.name).sort();
    for (const { object, name: own } of workloads.filter(({ kind }) => kind !== "Job"))
      t.strictSame(namesOf(selected(object.spec.selector)), [own], own);
    for (const { metadata, spec } of ofKind(objects, "Service"))
      t.strictSame(namesOf(selected({ matchLabels: spec.selector })), [metadata.name], metadata.name);
    for (const { metadata, spec } of ofKind(objects, "PodDisruptionBudget"))
      t.strictSame(namesOf(selected(spec.selector)), [metadata.name], metadata.name);
    for (const { spec } of ofKind(objects, "PodMonitor"))
      t.strictSame(namesOf(selected(spec.selector)), ["foyer-core", "foyer-gateway"]);
    for (const { name: own, pod, object } of workloads) {
      for (const { labelSelector } of pod.topologySpreadConstraints ?? [])
        t.strictSame(labelSelector, object.spec.selector, `${own} spreads its own pods`);
    }
  });

  t.test(`${name}: named ports exist where they are looked for`, async (t) => {
    const portsOf = (found: Workload[]) =>
      found.flatMap(({ pod }) => pod.containers.flatMap(({ ports = [] }: KubeObject) => ports));
    const has = (found: Workload[], port: string) => portsOf(found).some((each) => each.name === port);
    for (const { metadata, spec } of ofKind(objects, "Service")) {
      for (const { targetPort } of spec.ports)
        t.ok(has(selected({ matchLabels: spec.selector }), targetPort), `${metadata.name} ${targetPort}`);
    }
    for (const { spec } of ofKind(objects, "PodMonitor")) {
      for (const { port } of spec.podMetricsEndpoints)
        for (const workload of selected(spec.selector))
          t.ok(has([workload], port), `${workload.name} ${port}`);
    }
    for (const { spec } of ofKind(objects, "Ingress")) {
      for (const { backend } of spec.rules.flatMap(({ http }: KubeObject) => http.paths)) {
        const { ports } = one(objects, "Service", backend.service.name).spec;
        t.ok(ports.some((port: KubeObject) => port.name === backend.service.port.name));
      }
    }
    for (const { metadata, spec } of ofKind(objects, "NetworkPolicy")) {
      const found = selected(spec.podSelector);
      t.ok(found.length > 0, `${metadata.name} is about pods that exist`);
      for (const { port } of (spec.ingress ?? []).flatMap(({ ports }: KubeObject) => ports))
        for (const workload of found)
          t.ok(has([workload], port), `${metadata.name}: ${workload.name} ${port}`);
    }
    for (const container of workloads.flatMap(({ pod }) => pod.containers)) {
      for (const probe of [container.livenessProbe, container.readinessProbe]) {
        const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
        if (port)
          t.ok(
            container.ports.some((each: KubeObject) => each.name === port),
            `${container.name} ${port}`,
          );
      }
    }
    const [gateway, core] = ["foyer-gateway", "foyer-core"].map((own) => one(objects, "Deployment", own));
    const { FOYER_PORT, FOYER_OPS_PORT } = settingRows;
    const ops = { name: "ops", containerPort: FOYER_OPS_PORT.default };
    t.strictSame(containersOf(gateway)[0].ports, [
      { name: "public", containerPort: FOYER_PORT.default },
      ops,
    ]);
    t.strictSame(containersOf(core).at(-1).ports, [ops]);
  });

  t.test(
    `${name}: every container of ours has settings that its role uses and its node accepts`,
    async (t) => {
      for (const { container, volumes } of ours(workloads)) {
        const environment = environmentOf(objects, container);
        const { folder, required } = roles[container.args[0]]!;
        const used = settingsOf[folder]!;
        for (const setting of Object.keys(environment))
          t.ok(used.has(setting.replace(/_FILE$/, "")), `${container.name} uses ${setting}`);
        const values = Object.entries(environment).map(([setting, value]) => {
          return setting.endsWith("_FILE")
            ? [setting.slice(0, -5), contents(t, objects, { container, volumes }, value)]
            : [setting, value];
        });
        t.doesNotThrow(() => readSettings(Object.fromEntries(values), required), container.name);
      }
    },
  );

  t.test(`${name}: Secrets and their keys are those that the operator makes`, async (t) => {
    for (const { name: own, pod } of workloads) {
      for (const { secret } of (pod.volumes ?? []).filter((volume: KubeObject) => volume.secret)) {
        t.ok(secrets[secret.secretName], `${own}: ${secret.secretName}`);
        for (const { key } of secret.items ?? [])
          t.ok(secrets[secret.secretName]?.includes(key), `${own}: ${key}`);
      }
      for (const { valueFrom, name: setting } of containersOfPod(pod).flatMap(({ env = [] }) => env)) {
        if (valueFrom === undefined) continue;
        const { name: secret, key, optional } = valueFrom.secretKeyRef;
        t.ok(secrets[secret]?.includes(key), `${own}: ${secret} ${key}`);
        t.ok(optional, "a network that nobody set up is off");
        t.ok(settingsOf.core!.has(setting), `${setting} is a setting of workers`);
      }
    }
    for (const { spec } of ofKind(objects, "Ingress"))
      for (const { secretName } of spec.tls) t.ok(secrets[secretName], secretName);
    for (const { metadata, stringData } of ofKind(objects, "Secret"))
      t.strictSame(Object.keys(stringData).sort(), secrets[metadata.name]);
  });

  t.test(`${name}: stores that are in it are where the Secret says`, { skip: !hasStores }, async (t) => {
    const { stringData } = one(objects, "Secret", "foyer-stores");
    for (const url of Object.values<string>(stringData).map((text) => new URL(text))) {
      const { spec } = one(objects, "Service", url.hostname);
      t.equal(spec.ports[0].port, Number(url.port), url.hostname);
    }
    const { hostname, username, password, pathname } = new URL(stringData["database-url"]);
    const { env } = containersOf(one(objects, "StatefulSet", hostname))[0];
    const [user, secret] = ["POSTGRES_USER", "POSTGRES_PASSWORD"].map(
      (setting) => env.find((each: KubeObject) => each.name === setting).value,
    );
    t.strictSame([username, password, pathname], [user, secret, `/${user}`]);
  });

  t.test(`${name}: what is mounted is there`, async (t) => {
    for (const { name: own, pod, object } of workloads) {
      const claims = (object.spec.volumeClaimTemplates ?? []).map(({ metadata }: KubeObject) => metadata);
      const volumes = [...(pod.volumes ?? []), ...claims].map((volume) => volume.name).sort();
      const mounted = containersOfPod(pod).flatMap(({ volumeMounts = [] }) =>
        volumeMounts.map((m: KubeObject) => m.name),
      );
      t.strictSame([...new Set(mounted)].sort(), volumes, own);
    }
  });

  t.test(
    `${name}: scaling is of Deployments that leave it their number, by metrics that exist`,
    async (t) => {
      const metrics = metricNames();
      for (const { metadata, spec } of [
        ...ofKind(objects, "HorizontalPodAutoscaler"),
        ...ofKind(objects, "ScaledObject"),
      ]) {
        const { kind, name: target } = spec.scaleTargetRef;
        t.notHas(one(objects, kind, target).spec, { replicas: Number }, `${target} has no number of its own`);
        for (const { pods } of (spec.metrics ?? []).filter((metric: KubeObject) => metric.pods))
          t.ok(metrics.has(pods.metric.name), pods.metric.name);
        for (const { query } of (spec.triggers ?? []).map((trigger: KubeObject) => trigger.metadata)) {
          if (query === undefined) continue;
          for (const [metric] of query.matchAll(/\bfoyer_\w+/g)) t.ok(metrics.has(metric), metric);
          t.match(query, `namespace="${metadata.namespace}"`);
        }
      }
      for (const { spec } of ofKind(objects, "PrometheusRule")) {
        const rules = spec.groups
          .flatMap((group: KubeObject) => group.rules)
          .map(({ expr }: KubeObject) => expr);
        for (const [metric] of rules.join("\n").matchAll(/\bfoyer_\w+/g))
          t.ok(metrics.has(metric) || metrics.has(metric.replace(/_bucket$/, "")), metric);
      }
    },
  );

  t.test(`${name}: traces may go where they are sent`, async (t) => {
    for (const own of ["foyer-gateway", "foyer-core"]) {
      const container = containersOf(one(objects, "Deployment", own)).at(-1);
      const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = environmentOf(objects, container);
      t.equal(endpoint !== undefined, variant.components.includes("tracing"), own);
      if (endpoint === undefined) continue;
      const { hostname, port } = new URL(endpoint);
      const [{ to, ports }] = one(objects, "NetworkPolicy", "foyer-traces").spec.egress;
      const { matchLabels } = to[0].namespaceSelector;
      t.equal(matchLabels["kubernetes.io/metadata.name"], hostname.split(".")[1]);
      t.strictSame(ports, [{ protocol: "TCP", port: Number(port) }]);
    }
  });

  t.test(`${name}: the Ingress is for the host of FOYER_PUBLIC_URL`, async (t) => {
    const { FOYER_PUBLIC_URL = "" } = environmentOf(
      objects,
      containersOf(one(objects, "Deployment", "foyer-core")).at(-1),
    );
    const { spec } = one(objects, "Ingress", "foyer");
    const host = new URL(FOYER_PUBLIC_URL).hostname;
    t.strictSame(
      spec.rules.map((rule: KubeObject) => rule.host),
      [host],
    );
    t.strictSame(
      spec.tls.flatMap((tls: KubeObject) => tls.hosts),
      [host],
    );
  });
}

const containersOfPod = (pod: KubeObject): KubeObject[] => [...(pod.initContainers ?? []), ...pod.containers];

/** Containers that run our image. */
function ours(workloads: Workload[]) {
  return workloads.flatMap(({ pod }) =>
    containersOfPod(pod)
      .filter(({ args }) => roles[args?.[0]] !== undefined)
      .map((container) => ({ container, volumes: pod.volumes })),
  );
}

/** What is in the file that a `…_FILE` names: a key of a Secret that is mounted there. */
function contents(t: Test, objects: KubeObject[], { container, volumes }: KubeObject, path: string): string {
  const mount = container.volumeMounts.find(({ mountPath }: KubeObject) => path.startsWith(`${mountPath}/`));
  const { secret } = volumes.find((volume: KubeObject) => volume.name === mount?.name) ?? {};
  const file = path.slice(mount?.mountPath.length + 1);
  const key =
    secret?.items === undefined ? file : secret.items.find((item: KubeObject) => item.path === file)?.key;
  t.ok(secrets[secret?.secretName]?.includes(key), `${container.name}: ${path} is a key of a Secret`);
  const [given] = ofKind(objects, "Secret");
  return given?.stringData[key] ?? addresses[key] ?? "";
}

/** Settings that the sources of a folder name. */
function findSettings(folder: string): Set<string> {
  const root = new URL(`../../${folder}/`, import.meta.url);
  const texts = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("test/"))
    .map((file) => readFileSync(new URL(file, root), "utf8"))
    .join("\n");
  // `settings[`FOYER_SOCIAL_${name}_CLIENT_ID`]` names all those of networks.
  const patterns = [
    ...`${texts}\n${reports}`.matchAll(
      /\b(?:OTEL_[A-Z_]+|FOYER_[A-Z_]+(?:\$\{\w+\}[A-Z_]+)?|DATABASE_URL|REDIS_URL)/g,
    ),
  ].map(([found]) => new RegExp(`^${found.replace(/\$\{\w+\}/, "[A-Z]+")}$`));
  return new Set(
    Object.keys(settingRows).filter((setting) => patterns.some((pattern) => pattern.test(setting))),
  );
}

/** What nodes show, by the code that makes it. */
function metricNames(): Set<string> {
  const register = new Registry();
  createGatewayMetrics(register).watch({
    connections: () => ({ authenticating: 0, authenticated: 0 }),
    connectionsLimit: () => 0,
    inflightCommands: () => 0,
    canaryAgeSeconds: () => 0,
    isOverloaded: () => false,
    isPubsubConnected: () => true,
    isDraining: () => false,
  });
  createCoreMetrics(register).watchPool(() => 0);
  return new Set([...register.getMetricsAsArray().map((metric) => metric.name), "foyer_build_info"]);
}
