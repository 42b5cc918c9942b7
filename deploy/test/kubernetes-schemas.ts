/** The published schemas of all kinds of objects that we have, and what they say about one. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1";
import { PodMonitor, PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import { Deployment, StatefulSet } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { Job } from "kubernetes-models/batch/v1";
import { Ingress, NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, Namespace, Secret, Service } from "kubernetes-models/v1";
import type { KubeObject } from "./kustomize.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

const core = [ConfigMap, Namespace, Secret, Service];
const named = [
  Deployment,
  StatefulSet,
  HorizontalPodAutoscaler,
  Job,
  Ingress,
  NetworkPolicy,
  PodDisruptionBudget,
];
const models = [...core, ...named, PodMonitor, PrometheusRule, ScaledObject];

/** Where the package has its groups. */
const packages: Record<string, string> = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "keda.sh": "@kubernetes-models/keda",
};

/** What is wrong with an object's values; empty: nothing. Fields that do not exist it passes over. */
export function wrongValues(object: KubeObject): string {
  const model = models.find(
    ({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind,
  );
  if (model === undefined) return `${object.apiVersion} ${object.kind}: no schema`;
  try {
    new model(object).validate();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * What the compiler says to the objects as values of the schemas' types: those have no fields but the ones that exist.
 *
 * @returns its output; empty: all is well
 */
export function wrongFields(objects: readonly KubeObject[]): string {
  const cache = join(root, ".foyer");
  mkdirSync(cache, { recursive: true });
  // Below node_modules/, so that the types are found.
  const folder = mkdtempSync(join(cache, "manifests-"));
  try {
    const lines = objects.map((object, i) => {
      const [group = "", version] = object.apiVersion.split("/");
      const path = version === undefined ? group : `${group}/${version}`;
      const from = `${packages[group] ?? "kubernetes-models"}/${path}`;
      const what = `${object.kind} ${object.metadata.name}`;
      return `// ${what}\nexport const o${i}: import("${from}").I${object.kind} = ${JSON.stringify(object)};`;
    });
    writeFileSync(join(folder, "objects.ts"), `${lines.join("\n")}\n`);
    const options = [
      "--ignoreConfig",
      "--noEmit",
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "es2023",
      "--skipLibCheck",
    ];
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const tsc = spawnSync(process.execPath, [compiler, ...options, "--types", "", "objects.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    return `${tsc.stdout}${tsc.stderr}`.trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
