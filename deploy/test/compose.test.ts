/** deploy/compose.yaml: what it names exists, and what belongs together agrees. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { parse } from "yaml";
import { readSettings, settingRows } from "../../shared/settings.ts";
import { dashboards } from "../grafana/dashboards.ts";
import { canRun } from "../local/fetch-redis.ts";
import { readDockerfile } from "./dockerfile.ts";
import type { KubeObject } from "./kustomize.ts";

const folder = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, folder), "utf8");
const readYaml = (path: string): KubeObject => parse(read(path), { merge: true });
const { services, volumes } = readYaml("compose.yaml") as {
  services: Record<string, KubeObject>;
  volumes: object;
};

const entries = Object.entries(services);
/** Those that run our image. */
const ours = entries.filter(([, { build }]) => build !== undefined);
const running = (role: string) =>
  ours.filter(([, { command }]) => command?.[0] === role).map(([name]) => name);
/** `./proxy/haproxy.cfg:/usr/…:ro` */
const mountsOf = ({ volumes: list = [] }: KubeObject): { from: string; to: string }[] =>
  list.map((text: string) => ({ from: text.split(":")[0], to: text.split(":")[1] }));
/** With the defaults of `${NAME:-default}`. */
const filled = (text: string) => text.replaceAll(/\$\{\w+:-(\w+)\}/g, "$1");
const gateways = running("gateway");
const workers = running("core");

t.test("it has two gateways, two workers, the migration before them, and what they need", async (t) => {
  t.equal(gateways.length, 2);
  t.equal(workers.length, 2);
  t.equal(running("migrate").length, 1);
  for (const name of workers)
    t.equal(services[name].depends_on.migrate.condition, "service_completed_successfully");
  for (const [name, { depends_on = {} }] of entries) {
    for (const [other, { condition }] of Object.entries<KubeObject>(depends_on)) {
      t.ok(services[other], `${name} waits for ${other}`);
      if (condition === "service_healthy")
        t.ok(services[other].healthcheck.test, `${other} says whether it is well`);
    }
  }
});

t.test("every image is of a version, ours is built by the Dockerfile", async (t) => {
  for (const [name, { image }] of entries) t.match(image, /:v?\d+\.\d+(\.\d+)?$/, name);
  const { version } = JSON.parse(read("../package.json"));
  for (const [name, { image, build }] of ours) {
    t.equal(image, `foyer:${version}`, name);
    t.strictSame([build.context, build.dockerfile], ["..", "deploy/Dockerfile"]);
  }
  t.ok(readDockerfile(read("Dockerfile")).stages.length > 0);
});

t.test("our containers get no right that they do not need", async (t) => {
  for (const [name, { read_only, cap_drop, security_opt }] of ours)
    t.strictSame([read_only, cap_drop, security_opt], [true, ["ALL"], ["no-new-privileges:true"]], name);
});

t.test("what they are set to are settings, and their stores are there", async (t) => {
  for (const [name, { environment }] of ours) {
    const values = Object.fromEntries(
      Object.entries<string>(environment).map(([key, value]) => [key, filled(value)]),
    );
    for (const key of Object.keys(values)) t.ok(key in settingRows, `${name}: ${key}`);
    const needed = gateways.includes(name)
      ? (["REDIS_URL"] as const)
      : (["DATABASE_URL", "REDIS_URL"] as const);
    t.doesNotThrow(() => readSettings(values, needed), name);
    for (const key of needed) t.ok(services[new URL(values[key]!).hostname], `${name}: ${values[key]}`);
  }
  for (const name of gateways)
    t.notOk("DATABASE_URL" in services[name].environment, "gateways know no database");
  const url = new URL(filled(services[workers[0]!].environment.DATABASE_URL));
  const { POSTGRES_USER, POSTGRES_PASSWORD } = services[url.hostname].environment;
  t.strictSame([url.username, url.password], [POSTGRES_USER, filled(POSTGRES_PASSWORD)]);
});

t.test("a stopping node has the time that it needs", async (t) => {
  for (const name of [...gateways, ...workers]) {
    const { environment, stop_grace_period } = services[name];
    const drainS = gateways.includes(name) ? Number(environment.FOYER_DRAIN_SECONDS) : 0;
    const neededS = drainS + settingRows.FOYER_COMMAND_TIMEOUT_MS.default / 1000;
    t.ok(Number.parseInt(stop_grace_period, 10) > neededS, name);
  }
});

t.test("what is mounted exists", async (t) => {
  for (const [name, service] of entries) {
    for (const { from } of mountsOf(service)) {
      if (from.startsWith("./")) t.ok(existsSync(new URL(from, folder)), `${name}: ${from}`);
      else t.ok(from in volumes, `${name}: ${from}`);
    }
  }
});

t.test("HAProxy goes to every gateway's public port, and clients to HAProxy's", async (t) => {
  const { haproxy } = services;
  const config = read(mountsOf(haproxy!)[0]!.from);
  for (const name of gateways) t.match(config, `${name}:${settingRows.FOYER_PORT.default}`);
  const [, bound] = /PROXY_BIND :(\d+)/.exec(config) ?? [];
  t.strictSame(haproxy!.ports, [`${settingRows.FOYER_PORT.default}:${bound}`]);
  t.equal(
    services[workers[0]!].environment.FOYER_PUBLIC_URL,
    `http://localhost:${settingRows.FOYER_PORT.default}`,
  );
});

t.test("Prometheus asks every node on its ops port, and has the alerts", async (t) => {
  const config = readYaml("prometheus/compose.yaml");
  const targets = config.scrape_configs.flatMap((job: KubeObject) =>
    job.static_configs.flatMap((one: KubeObject) => one.targets),
  );
  const nodes = [...gateways, ...workers].map((name) => `${name}:${settingRows.FOYER_OPS_PORT.default}`);
  t.strictSame(targets.sort(), nodes.sort());
  const at = mountsOf(services.prometheus!).map(({ to }) => to);
  for (const file of config.rule_files) t.ok(at.includes(`/etc/prometheus/${file}`), file);
});

t.test("promtool accepts its configuration", { skip: await whyNoPromtool() }, async (t) => {
  const config = fileURLToPath(new URL("prometheus/compose.yaml", folder));
  t.doesNotThrow(() => execFileSync("promtool", ["check", "config", config], { stdio: "pipe" }));
});

t.test("Grafana has every dashboard, with Prometheus as their source", async (t) => {
  const [source] = readYaml("grafana/provisioning/datasources/prometheus.yaml").datasources;
  t.ok(services[new URL(source.url).hostname]);
  t.ok(source.isDefault, "the dashboards take the default one");
  const [provider] = readYaml("grafana/provisioning/dashboards/foyer.yaml").providers;
  const { grafana } = services;
  const mounted = mountsOf(grafana!).map(({ to }) => to);
  const files = dashboards.map(({ uid }) => `${provider.options.path}/${uid}.json`);
  t.strictSame(mounted.filter((to) => to.endsWith(".json")).sort(), files.sort());
  t.ok(mounted.includes(grafana!.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH));
});

t.test("Docker Compose reads it", { skip: whyNoCompose() }, async (t) => {
  const file = fileURLToPath(new URL("compose.yaml", folder));
  t.doesNotThrow(() =>
    execFileSync("docker", ["compose", "--file", file, "config", "--quiet"], { stdio: "pipe" }),
  );
});

async function whyNoPromtool(): Promise<string | false> {
  return (await canRun("promtool")) ? false : "promtool is not installed (package prometheus)";
}

function whyNoCompose(): string | false {
  try {
    execFileSync("docker", ["compose", "version"], { stdio: "ignore" });
    return false;
  } catch {
    return "docker compose is not installed";
  }
}
