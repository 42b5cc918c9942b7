/** Patches of a Kustomization: objects to lay over others, and lists of operations (RFC 6902). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { KubeObject } from "./kustomize.ts";

export type Patch = { path: string } | { target: { kind: string; name: string }; patch: string };

interface Operation {
  op: "remove" | "replace";
  path: string;
  value?: unknown;
}

/** Applies them to those that they are about, in place. */
export function patchAll(folder: string, patches: Patch[], objects: KubeObject[]): void {
  for (const patch of patches) {
    if ("path" in patch) {
      const over = parse(readFileSync(join(folder, patch.path), "utf8"), { version: "1.1" });
      for (const object of find(objects, over.kind, over.metadata.name)) lay(over, object);
    } else {
      const { kind, name } = patch.target;
      for (const object of find(objects, kind, name)) operate(parse(patch.patch) as Operation[], object);
    }
  }
}

function find(objects: KubeObject[], kind: string, name: string): KubeObject[] {
  const pattern = new RegExp(`^(${name})$`);
  const found = objects.filter((object) => object.kind === kind && pattern.test(object.metadata.name));
  if (found.length === 0) throw new Error(`there is no ${kind} ${name} to patch`);
  return found;
}

/** Lists of things with names are merged by name, with new ones first; other lists are replaced. */
function lay(over: KubeObject, object: KubeObject): void {
  for (const [key, value] of Object.entries<KubeObject>(over)) {
    const there = object[key];
    if (Array.isArray(value) && Array.isArray(there) && value.every((item) => item.name !== undefined)) {
      const isNew = (item: KubeObject) => !there.some(({ name }) => name === item.name);
      const added = value.filter(isNew);
      for (const item of value.filter((each) => !added.includes(each)))
        lay(
          item,
          there.find(({ name }) => name === item.name),
        );
      there.unshift(...added);
    } else if (isObject(value) && isObject(there)) lay(value, there);
    else object[key] = value;
  }
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

function operate(operations: Operation[], object: KubeObject): void {
  for (const { op, path, value } of operations) {
    const keys = path.slice(1).split("/");
    const last = keys.pop()!;
    const holder = keys.reduce((at, key) => at[key], object);
    if (holder?.[last] === undefined) throw new Error(`${object.metadata.name} has no ${path} to ${op}`);
    if (op === "remove") delete holder[last];
    else if (op === "replace") holder[last] = structuredClone(value);
    else throw new Error(`the test does not know the operation ${op}`);
  }
}
