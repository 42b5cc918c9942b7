/** The load as a Job (k8s/loadtest) and its image: accepted by Kubernetes, let through to the gateways, understood. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { runProgram } from "../../shared/testing/run-program.ts";
import { readDockerfile, readDockerignore } from "./dockerfile.ts";
import { wrongFields, wrongValues } from "./kubernetes-schemas.ts";
import { containersOf, type KubeObject, readObjects, render } from "./kustomize.ts";
import { one, renderings, whyNoKubectl } from "./manifests.ts";
import { flowsOf } from "./network-flows.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const folder = join(root, "k8s/loadtest");
const objects = render(folder);
const job = one(objects, "Job", "foyer-loadtest");
const pod = job.spec.template.spec;
const [container] = containersOf(job);
const args: string[] = container.args;
const option = (name: string) =>
  args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? "";

const { args: productArgs } = readDockerfile(read("deploy/Dockerfile"));
const { stages } = readDockerfile(read("loadtest/Dockerfile"));
const isSent = readDockerignore(read("loadtest/Dockerfile.dockerignore"));
const stepsCalled = (name: string) => stages[0]!.steps.filter((step) => step.name === name);

t.test("the load test's objects are as their published schemas say", async (t) => {
  for (const object of objects) t.equal(wrongValues(object), "", `${object.kind} ${object.metadata.name}`);
  t.equal(wrongFields(objects), "");
  for (const { metadata } of objects) t.equal(metadata.namespace, "foyer");
});

t.test("kubectl makes the same of it", { skip: whyNoKubectl() }, async (t) => {
  const byName = (list: KubeObject[]) =>
    list.toSorted((a, b) => `${a.kind} ${a.metadata.name}`.localeCompare(`${b.kind} ${b.metadata.name}`));
  const text = execFileSync("kubectl", ["kustomize", folder], { encoding: "utf8" });
  t.strictSame(byName(objects), byName(readObjects(text)));
});

t.test("it gets no right that it does not need", async (t) => {
  t.equal(pod.automountServiceAccountToken, false);
  t.match(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
  t.strictSame(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  t.ok(container.resources.requests.cpu && container.resources.limits.memory);
});

t.test(
  "put beside any overlay, it gets to the gateways and to names, and nothing else is let through",
  async (t) => {
    for (const { name, objects: overlay } of renderings) {
      const before = new Set(flowsOf(overlay));
      const added = flowsOf([...overlay, ...objects]).filter((flow) => !before.has(flow));
      const expected = ["foyer-gateway 8375", "names 53", "names on the machine 53"];
      t.strictSame(added.sort(), expected.map((whom) => `foyer-loadtest → ${whom}`).sort(), name);
      const { hostname, port, pathname } = new URL(option("url"));
      const { ports } = one(overlay, "Service", hostname).spec;
      t.ok(
        ports.some((each: KubeObject) => each.port === Number(port || 80)),
        "the port of the Service",
      );
      t.match(pathname, /^\/ws\/world\/[a-z0-9-]+$/);
    }
  },
);

t.test("each pod does its own share, and all of them the whole", async (t) => {
  const { completions, parallelism, completionMode } = job.spec;
  t.strictSame([completionMode, parallelism], ["Indexed", completions]);
  t.equal(option("share"), `$(INDEX)/${completions}`);
  const set = new Set(container.env.map((each: KubeObject) => each.name));
  for (const [, name] of args.join(" ").matchAll(/\$\((\w+)\)/g)) t.ok(set.has(name), name ?? "");
});

t.test("the load test's command line understands its arguments", async (t) => {
  const values: Record<string, string> = { INDEX: "0", RUN: "first" };
  const given = args.map((arg) => arg.replaceAll(/\$\((\w+)\)/g, (_, name: string) => values[name] ?? ""));
  // Nobody is there: it fails, but not for its arguments. A misspelt one shows the difference.
  const instead = ["--url=ws://127.0.0.1:9/ws/world/main", "--clients=4", "--seconds=1"];
  const main = "loadtest/main.js";
  const kept = given.filter((arg) => !/^--(url|clients|seconds)=/.test(arg));
  const understood = await runProgram(main, [...kept, ...instead]);
  t.equal(understood.code, 1, understood.written);
  t.equal((await runProgram(main, [...kept, ...instead, "--clinets=4"])).code, 2);
  const { written: help } = await runProgram(main, [args[0]!, "--help"]);
  for (const name of ["url", "clients", "seconds"]) t.match(help, `--${name} <`);
});

t.test("its image has what it starts, from the product's base, as the Job's user", async (t) => {
  t.equal(stages.length, 1);
  t.equal(stages[0]!.base, productArgs.get("NODE_IMAGE"));
  for (const { text } of stepsCalled("COPY")) {
    for (const path of text.split(" ").slice(0, -1)) {
      t.ok(existsSync(join(root, path)), path);
      t.ok(path === "." || isSent(path), `${path} is sent`);
    }
  }
  t.strictSame(
    stepsCalled("RUN").map(({ text }) => text),
    ["npm ci --ignore-scripts --no-audit --no-fund", "node deploy/build.mjs"],
  );
  t.ok(existsSync(join(root, "deploy/build.mjs")));
  const [node, program] = JSON.parse(stepsCalled("ENTRYPOINT")[0]!.text);
  t.equal(node, "node");
  // What the build makes of it, in the image as here.
  t.ok(existsSync(join(root, program)), program);
  for (const path of [
    "loadtest/main.ts",
    "loadtest/generator/process.ts",
    "shared/settings.ts",
    "deploy/build.mjs",
  ])
    t.ok(isSent(path), path);
  for (const path of ["node_modules/tap/package.json", "dist/loadtest/main.js", ".git/config"])
    t.notOk(isSent(path), path);
  const { runAsUser, runAsGroup } = pod.securityContext;
  t.equal(stepsCalled("USER")[0]!.text, `${runAsUser}:${runAsGroup}`);
  const [, built] = /-t (\S+)/.exec(read("loadtest/Dockerfile")) ?? [];
  t.equal(container.image, built, "the name that the Dockerfile's head says");
});
