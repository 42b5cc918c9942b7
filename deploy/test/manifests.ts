/** The manifests of k8s/ as the tests look at them: every overlay, alone and with what may be put upon it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { type KubeObject, podOf, readObjects, render } from "./kustomize.ts";

const k8s = fileURLToPath(new URL("../../k8s/", import.meta.url));
/** The oldest kubectl whose Kustomize knows what we use. */
const OLDEST_MINOR = 27;

/** One overlay, with the components that are put upon it. */
interface Variant {
  overlay: string;
  components: string[];
}

const variants: Variant[] = [
  { overlay: "small", components: [] },
  { overlay: "conference", components: [] },
  { overlay: "trial", components: [] },
  { overlay: "small", components: ["social-logins", "monitoring", "tracing"] },
  { overlay: "conference", components: ["trial-stores", "social-logins"] },
];

/** What one of them comes to. */
export interface Rendering {
  name: string;
  variant: Variant;
  objects: KubeObject[];
  /** Whether the stores are in it, or somebody else's. */
  hasStores: boolean;
}

export const renderings: Rendering[] = variants.map((variant) => {
  const objects = withFolderOf(variant, render);
  const hasStores = objects.some(({ kind }) => kind === "Secret");
  return { name: [variant.overlay, ...variant.components].join(" with "), variant, objects, hasStores };
});

/** Calls `work` with a Kustomization of one's own that takes the overlay and the components, as people write it. */
function withFolderOf<T>({ overlay, components }: Variant, work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "foyer-kustomize-"));
  const from = (path: string) => relative(folder, join(k8s, path));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: "foyer",
    resources: [from(`overlays/${overlay}`)],
    components: components.map((component) => from(`components/${component}`)),
  };
  try {
    writeFileSync(join(folder, "kustomization.yaml"), stringify(kustomization));
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Those of one kind. */
export const ofKind = (objects: KubeObject[], kind: string): KubeObject[] =>
  objects.filter((object) => object.kind === kind);

/** The one of a kind and name. @throws Error where it is missing */
export function one(objects: KubeObject[], kind: string, name: string): KubeObject {
  const found = ofKind(objects, kind).find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

/** Something that makes pods. */
export interface Workload {
  name: string;
  kind: string;
  object: KubeObject;
  labels: Record<string, string>;
  pod: KubeObject;
}

export function workloadsOf(objects: KubeObject[]): Workload[] {
  return objects.flatMap((object) => {
    const pod = podOf(object);
    if (pod === undefined) return [];
    const { labels } = object.spec.template.metadata;
    return [{ name: object.metadata.name, kind: object.kind, object, labels, pod }];
  });
}

/** Whether a label selector takes these labels. */
export function selects(selector: KubeObject, labels: Record<string, string>): boolean {
  const { matchLabels = {}, matchExpressions = [], ...rest } = selector;
  if (Object.keys(rest).length > 0) throw new Error(`the test does not know ${Object.keys(rest)}`);
  const isSame = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    isSame &&
    matchExpressions.every(({ key, operator, values }: KubeObject) => {
      if (operator !== "In") throw new Error(`the test does not know the operator ${operator}`);
      return values.includes(labels[key]);
    })
  );
}

/** All settings that the ConfigMaps and values of a container give it; of secrets, the name of their file. */
export function environmentOf(objects: KubeObject[], container: KubeObject): Record<string, string> {
  const maps = (container.envFrom ?? []).map(({ configMapRef }: KubeObject) => {
    return one(objects, "ConfigMap", configMapRef.name).data;
  });
  const own = (container.env ?? [])
    .filter(({ value }: KubeObject) => value !== undefined)
    .map(({ name, value }: KubeObject) => [name, value]);
  return Object.assign({}, ...maps, Object.fromEntries(own));
}

/** Why there is no kubectl that could render them; false where there is one. */
export function whyNoKubectl(): string | false {
  try {
    const text = execFileSync("kubectl", ["version", "--client", "--output=json"], { encoding: "utf8" });
    const { gitVersion } = JSON.parse(text).clientVersion;
    const minor = Number(/^v1\.(\d+)/.exec(gitVersion)?.[1]);
    return minor >= OLDEST_MINOR ? false : `kubectl ${gitVersion} is too old: 1.${OLDEST_MINOR} or later`;
  } catch {
    return `kubectl is not installed (1.${OLDEST_MINOR} or later)`;
  }
}

/** What kubectl makes of it. */
export function renderByKubectl(variant: Variant): KubeObject[] {
  return withFolderOf(variant, (folder) =>
    readObjects(execFileSync("kubectl", ["kustomize", folder], { encoding: "utf8" })),
  );
}
