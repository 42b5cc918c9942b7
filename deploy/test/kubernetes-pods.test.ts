/** How the pods run: as nobody in particular, replaced without a gap, stopped without a loss. */
import t from "tap";
import { settingRows } from "../../shared/settings.ts";
import { type Conference, FILL, sizeCluster } from "../cli/sizing.ts";
import { readUnitCosts } from "../cli/unit-costs.ts";
import { containersOf, type KubeObject } from "./kustomize.ts";
import { environmentOf, ofKind, one, renderings, workloadsOf } from "./manifests.ts";

/** Longest that a worker writes answers, and then waits for Postgres (core/main.ts). */
const WORKER_ENDS_S = 15;
/** So that one that is late all the same is not killed. */
const TO_SPARE_S = 5;

/** For whom the manifests are (docs/sizing.md). */
const conferences: Record<string, Conference> = {
  small: { attendees: 2_000, tabs: 1.5, arrivalSeconds: 600 },
  trial: { attendees: 2_000, tabs: 1.5, arrivalSeconds: 600 },
  conference: { attendees: 50_000, tabs: 1.5, arrivalSeconds: 600 },
};

const units: Record<string, number> = { m: 0.001, Mi: 1, Gi: 1024, "": 1 };

/** Processors, or MB. */
function quantity(text: string | number): number {
  const [, amount, unit = ""] = /^([\d.]+)(m|Mi|Gi|)$/.exec(String(text)) ?? [];
  return Number(amount) * units[unit]!;
}

for (const { name, objects } of renderings) {
  const workloads = workloadsOf(objects);
  const [gateway, core] = ["foyer-gateway", "foyer-core"].map((own) => one(objects, "Deployment", own));
  const settings = {
    ...environmentOf(objects, containersOf(core).at(-1)),
    ...environmentOf(objects, containersOf(gateway)[0]),
  };
  const setting = (key: keyof typeof settingRows) => Number(settings[key] ?? settingRows[key].default);

  t.test(`${name}: pods get no right that they do not need`, async (t) => {
    for (const { name: own, pod } of workloads) {
      t.equal(pod.automountServiceAccountToken, false, `${own} has no account at Kubernetes`);
      t.match(pod.securityContext, {
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      t.ok(pod.securityContext.runAsUser > 0, own);
      t.notOk(pod.hostNetwork, own);
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        const expected = {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        };
        t.strictSame(container.securityContext, expected, `${own} ${container.name}`);
        for (const { mountPath, readOnly } of container.volumeMounts)
          if (mountPath.startsWith("/run/secrets")) t.ok(readOnly, `${own} ${mountPath}`);
        t.ok(
          container.resources.requests.cpu && container.resources.requests.memory,
          `${own} asks for what it needs`,
        );
        t.ok(container.resources.limits.memory, `${own} is bounded`);
        t.notOk(container.resources.limits.cpu, `${own} is not held back`);
      }
    }
    const [namespace] = ofKind(objects, "Namespace");
    t.equal(namespace.metadata.labels["pod-security.kubernetes.io/enforce"], "restricted");
  });

  t.test(`${name}: pods ask for what was measured, and half as much again is theirs`, async (t) => {
    const costs = readUnitCosts();
    const { busy, pods, podMb } = sizeCluster(conferences[name.split(" ")[0]!]!, costs);
    const connections = setting("FOYER_MAX_CONNECTIONS");
    const fullMb = (costs.baseMb.gateway + (connections * costs.connectionKb.gateway) / 1024) / FILL;
    const needs = [
      { node: containersOf(gateway)[0], busy: busy.gateway, pods: pods.gateway, mb: fullMb },
      { node: containersOf(core).at(-1), busy: busy.worker, pods: pods.worker, mb: podMb.worker },
    ];
    for (const { node, busy, pods, mb } of needs) {
      const { requests, limits } = node.resources;
      // One pod may be gone.
      t.ok(quantity(requests.cpu) >= busy / (pods - 1) / FILL, `${node.name}: ${requests.cpu}`);
      t.ok(quantity(requests.memory) >= mb, `${node.name}: ${requests.memory}, ${Math.ceil(mb)} MB needed`);
      t.ok(quantity(limits.memory) >= 1.5 * quantity(requests.memory), `${node.name}: ${limits.memory}`);
    }
    const most = { "foyer-gateway": pods.gateway, "foyer-core": pods.worker };
    for (const scaler of [
      ...ofKind(objects, "HorizontalPodAutoscaler"),
      ...ofKind(objects, "ScaledObject"),
    ]) {
      const upTo = scaler.spec.maxReplicas ?? scaler.spec.maxReplicaCount;
      t.ok(upTo >= most[scaler.metadata.name as keyof typeof most]!, `${scaler.metadata.name} up to ${upTo}`);
    }
  });

  t.test(`${name}: what Kubernetes sets by itself does not look like settings`, async (t) => {
    for (const { name: own, pod } of workloads.filter((workload) =>
      /^foyer-(gateway|core|migrate)/.test(workload.name),
    ))
      t.equal(pod.enableServiceLinks, false, own);
  });

  t.test(`${name}: all nodes run one version, and the migration is named for it`, async (t) => {
    const images = [gateway, core, ...ofKind(objects, "Job")].flatMap(containersOf).map(({ image }) => image);
    t.equal(new Set(images).size, 1);
    const tag = images[0].split(":").at(-1);
    t.strictSame(
      ofKind(objects, "Job").map(({ metadata }) => metadata.name),
      [`foyer-migrate-${tag}`],
    );
    for (const { image } of objects.flatMap(containersOf))
      t.match(image, /:[\w.-]*\d[\w.-]*$/, "a version, not a name that moves");
  });

  t.test(`${name}: no worker of a version runs before its schema is there`, async (t) => {
    const { initContainers } = core.spec.template.spec;
    t.strictSame(
      initContainers.map(({ args }: KubeObject) => args),
      [["migrate"]],
    );
    const [job] = ofKind(objects, "Job");
    t.strictSame(initContainers[0].env, containersOf(job)[0].env, "by the same settings");
    t.notOk(
      containersOf(job)[0].envFrom,
      "a change of settings does not change the Job, which cannot be changed",
    );
  });

  t.test(`${name}: a new node serves before an old one goes, and one at a time may be missing`, async (t) => {
    for (const deployment of [gateway, core]) {
      const { strategy, template } = deployment.spec;
      t.strictSame(strategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 });
      const spread = template.spec.topologySpreadConstraints.map(
        ({ topologyKey }: KubeObject) => topologyKey,
      );
      t.strictSame(spread, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
      t.equal(one(objects, "PodDisruptionBudget", deployment.metadata.name).spec.maxUnavailable, 1);
    }
  });

  t.test(`${name}: a stopping node has the time that it needs`, async (t) => {
    const timeoutS = setting("FOYER_COMMAND_TIMEOUT_MS") / 1000;
    const { terminationGracePeriodSeconds: grace, containers } = gateway.spec.template.spec;
    const { seconds } = containers[0].lifecycle.preStop.sleep;
    t.ok(seconds >= 2 * containers[0].readinessProbe.periodSeconds, "balancers hear of it before it drains");
    const needed = seconds + setting("FOYER_DRAIN_SECONDS") + timeoutS + TO_SPARE_S;
    t.ok(grace >= needed, `a gateway: ${needed} s of ${grace} s`);
    const worker = core.spec.template.spec.terminationGracePeriodSeconds;
    const finish = timeoutS + WORKER_ENDS_S + TO_SPARE_S;
    t.ok(worker >= finish, `a worker: ${finish} s of ${worker} s`);
  });

  t.test(`${name}: gateways are drained one after the other`, async (t) => {
    const { minReadySeconds } = gateway.spec;
    t.ok(minReadySeconds >= setting("FOYER_DRAIN_SECONDS"), `${minReadySeconds} s between them`);
  });

  t.test(`${name}: no store can have a node restarted`, async (t) => {
    for (const container of [containersOf(gateway)[0], containersOf(core).at(-1)]) {
      t.match(container.livenessProbe.httpGet, { path: "/healthz", port: "ops" });
      t.match(container.readinessProbe.httpGet, { path: "/readyz", port: "ops" });
    }
  });

  t.test(`${name}: the Ingress lets WebSockets be, and nothing else in`, async (t) => {
    const { metadata, spec } = one(objects, "Ingress", "foyer");
    const annotations = metadata.annotations;
    for (const kind of ["read", "send"])
      t.ok(
        Number(annotations[`nginx.ingress.kubernetes.io/proxy-${kind}-timeout`]) >
          setting("FOYER_IDLE_TIMEOUT_S"),
      );
    t.equal(annotations["haproxy.org/load-balance"], "leastconn");
    t.strictSame(
      spec.rules[0].http.paths.map(({ path }: KubeObject) => path),
      ["/ws/", "/social/"],
    );
  });

  t.test(`${name}: there are always two of each, and gateways go slowly`, async (t) => {
    const [scaler] = ofKind(objects, "HorizontalPodAutoscaler");
    const [scaled] = ofKind(objects, "ScaledObject");
    const [gateways, workers] = [gateway, core].map(({ spec }) => spec.replicas);
    t.ok((gateways ?? scaler.spec.minReplicas) >= 2);
    t.ok((workers ?? scaled.spec.minReplicaCount) >= 2);
    if (scaler === undefined) return;
    const [{ pods }] = scaler.spec.metrics;
    const limit = setting("FOYER_MAX_CONNECTIONS");
    t.ok(Number(pods.target.averageValue) <= limit / 2, "one of two can take the other's people");
    const { scaleUp, scaleDown } = scaler.spec.behavior;
    t.ok(scaleDown.stabilizationWindowSeconds >= 1800 && scaleUp.stabilizationWindowSeconds === 0);
    const [{ type, value, periodSeconds }] = scaleDown.policies;
    t.strictSame([type, value], ["Pods", 1]);
    t.ok(periodSeconds > gateway.spec.template.spec.terminationGracePeriodSeconds, "the one before has gone");
  });
}
