/**
 * Puts a Kustomization together, as far as ours go: what they do not use is refused rather than passed over. The
 * tests of the manifests stand on it where there is no kubectl; where there is one it has to give the same.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { type Patch, patchAll } from "./kustomize-patches.ts";
import { type Replacement, replaceAll } from "./kustomize-replacements.ts";

/** A Kubernetes object. */
// biome-ignore lint/suspicious/noExplicitAny: the tests look into all kinds of them; their schemas are checked apart
export type KubeObject = any;

interface Kustomization {
  apiVersion: string;
  kind: string;
  namespace?: string;
  resources?: string[];
  components?: string[];
  labels?: { pairs: Record<string, string>; includeSelectors: false }[];
  generatorOptions?: { disableNameSuffixHash?: boolean; labels?: Record<string, string> };
  configMapGenerator?: { name: string; behavior?: "merge"; literals?: string[]; files?: string[] }[];
  patches?: Patch[];
  images?: { name: string; newName: string; newTag: string }[];
  replacements?: Replacement[];
}

const KNOWN = ["apiVersion", "kind", "namespace", "resources", "components", "labels", "generatorOptions"];
KNOWN.push("configMapGenerator", "patches", "images", "replacements");

/** Kubernetes reads YAML 1.1: 0440 is octal. */
const dialect = { version: "1.1" } as const;

/** All objects of a text with documents. */
export function readObjects(text: string): KubeObject[] {
  return parseAllDocuments(text, dialect)
    .map((document) => document.toJS() as KubeObject)
    .filter((object) => object !== null);
}

/** @returns what `kubectl kustomize FOLDER` prints */
export function render(folder: string): KubeObject[] {
  const hashed = new Set<KubeObject>();
  const objects = build(folder, [], hashed);
  nameByContents(objects, hashed);
  return objects;
}

/** What a folder makes of `given`: nothing for a Kustomization, what it is put upon for a Component. */
function build(folder: string, given: KubeObject[], hashed: Set<KubeObject>): KubeObject[] {
  const file = join(folder, "kustomization.yaml");
  const kustomization: Kustomization = parse(readFileSync(file, "utf8"), dialect);
  const unknown = Object.keys(kustomization).filter((name) => !KNOWN.includes(name));
  if (unknown.length > 0) throw new Error(`${file}: the test does not know ${unknown}`);
  let objects = [...given];
  for (const path of kustomization.resources ?? []) objects.push(...readResource(join(folder, path), hashed));
  for (const path of kustomization.components ?? []) objects = build(join(folder, path), objects, hashed);
  generateConfigMaps(folder, kustomization, objects, hashed);
  patchAll(folder, kustomization.patches ?? [], objects);
  for (const object of objects) {
    setNamespace(object, kustomization.namespace);
    for (const { pairs } of kustomization.labels ?? []) Object.assign(labelsOf(object), pairs);
    for (const container of containersOf(object)) setImage(container, kustomization.images ?? []);
  }
  replaceAll(kustomization.replacements ?? [], objects);
  return objects;
}

function readResource(path: string, hashed: Set<KubeObject>): KubeObject[] {
  return statSync(path).isDirectory() ? build(path, [], hashed) : readObjects(readFileSync(path, "utf8"));
}

function generateConfigMaps(
  folder: string,
  { configMapGenerator = [], generatorOptions = {} }: Kustomization,
  objects: KubeObject[],
  hashed: Set<KubeObject>,
): void {
  for (const { name, behavior, literals = [], files = [] } of configMapGenerator) {
    const data = Object.fromEntries([
      ...literals.map((literal) => [literal.split("=", 1)[0], literal.slice(literal.indexOf("=") + 1)]),
      ...files.map((file) => [basename(file), readFileSync(join(folder, file), "utf8")]),
    ]);
    if (behavior === "merge") {
      const found = objects.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === name);
      if (found === undefined) throw new Error(`${folder}: there is no ConfigMap ${name} to merge with`);
      Object.assign(found.data, data);
      continue;
    }
    const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
    if (generatorOptions.labels) object.metadata.labels = { ...generatorOptions.labels };
    if (!generatorOptions.disableNameSuffixHash) hashed.add(object);
    objects.push(object);
  }
}

function setNamespace(object: KubeObject, namespace: string | undefined): void {
  if (namespace === undefined) return;
  if (object.kind === "Namespace") object.metadata.name = namespace;
  else object.metadata.namespace = namespace;
}

function labelsOf({ metadata }: KubeObject): Record<string, string> {
  metadata.labels ??= {};
  return metadata.labels;
}

function setImage(container: { image: string }, images: NonNullable<Kustomization["images"]>): void {
  const image = images.find(({ name }) => name === container.image);
  if (image !== undefined) container.image = `${image.newName}:${image.newTag}`;
}

/** All containers of an object's pods. */
export function containersOf(object: KubeObject): KubeObject[] {
  const pod = podOf(object);
  return pod === undefined ? [] : [...(pod.initContainers ?? []), ...pod.containers];
}

/** What an object's pods are made from, where it makes any. */
export function podOf(object: KubeObject): KubeObject | undefined {
  return object.spec?.template?.spec;
}

/** Generated ConfigMaps end in a hash of what is in them, also where pods name them. */
function nameByContents(objects: KubeObject[], hashed: Set<KubeObject>): void {
  for (const object of hashed) {
    const { name } = object.metadata;
    const named = `${name}-${hashOf(object.data)}`;
    object.metadata.name = named;
    for (const { envFrom = [] } of objects.flatMap(containersOf)) {
      for (const { configMapRef } of envFrom) if (configMapRef?.name === name) configMapRef.name = named;
    }
  }
}

/** Of the data alone: the name is left empty. */
function hashOf(data: Record<string, string>): string {
  const sorted = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
  const json = JSON.stringify({ data: sorted, kind: "ConfigMap", name: "" });
  const hash = createHash("sha256").update(json).digest("hex").slice(0, 10);
  const letters: Record<string, string> = { 0: "g", 1: "h", 3: "k", a: "m", e: "t" };
  return [...hash].map((digit) => letters[digit] ?? digit).join("");
}
