/** Replacements of a Kustomization: a part of one object's value put into others. */
import type { KubeObject } from "./kustomize.ts";

interface Part {
  delimiter: string;
  index: number;
}

export interface Replacement {
  source: { kind: string; name: string; fieldPath: string; options: Part };
  targets: { select: { kind: string; name: string }; fieldPaths: string[]; options?: Part }[];
}

/** Makes them, in place. */
export function replaceAll(replacements: Replacement[], objects: KubeObject[]): void {
  for (const { source, targets } of replacements) {
    const from = fieldOf(find(objects, source), source.fieldPath);
    const value = String(from.holder[from.key]).split(source.options.delimiter)[source.options.index];
    if (value === undefined) throw new Error(`${source.name}: ${source.fieldPath} has no such part`);
    for (const { select, fieldPaths, options } of targets) {
      const object = find(objects, select);
      for (const path of fieldPaths) {
        const { holder, key } = fieldOf(object, path);
        holder[key] = options === undefined ? value : withPart(String(holder[key]), options, value);
      }
    }
  }
}

function find(objects: KubeObject[], { kind, name }: { kind: string; name: string }): KubeObject {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (found.length !== 1) throw new Error(`there are ${found.length} of ${kind} ${name}`);
  return found[0];
}

/** `a.b.[name=c].d` */
function fieldOf(object: KubeObject, path: string): { holder: KubeObject; key: string } {
  const keys = path.split(".");
  const key = keys.pop()!;
  const holder = keys.reduce((at: KubeObject, step) => {
    const [, name, value] = /^\[(\w+)=(.+)\]$/.exec(step) ?? [];
    return name === undefined ? at?.[step] : at?.find((item: KubeObject) => item[name] === value);
  }, object);
  if (holder?.[key] === undefined) throw new Error(`${object.metadata.name} has no ${path}`);
  return { holder, key };
}

function withPart(text: string, { delimiter, index }: Part, value: string): string {
  const parts = text.split(delimiter);
  parts[index] = value;
  return parts.join(delimiter);
}
