/** The manifests are what Kubernetes, KEDA and the Prometheus operator accept, whoever puts them together. */
import { readdirSync } from "node:fs";
import t from "tap";
import { wrongFields, wrongValues } from "./kubernetes-schemas.ts";
import type { KubeObject } from "./kustomize.ts";
import { renderByKubectl, renderings, whyNoKubectl } from "./manifests.ts";

const nameOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;
const sorted = (objects: KubeObject[]) => objects.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

t.test("every overlay is looked at", async (t) => {
  const overlays = readdirSync(new URL("../../k8s/overlays", import.meta.url)).sort();
  t.strictSame([...new Set(renderings.map(({ variant }) => variant.overlay))].sort(), overlays);
});

t.test("no object has a field that its schema does not have", async (t) => {
  t.equal(wrongFields(renderings.flatMap(({ objects }) => objects)), "");
});

for (const { name, objects, variant } of renderings) {
  t.test(`${name}: every object is as its published schema says`, async (t) => {
    for (const object of objects) t.equal(wrongValues(object), "", nameOf(object));
  });

  t.test(`${name}: no object is there twice, and all are in one namespace`, async (t) => {
    t.equal(new Set(objects.map(nameOf)).size, objects.length);
    const [namespace] = objects.filter(({ kind }) => kind === "Namespace");
    for (const object of objects.filter((each) => each !== namespace))
      t.equal(object.metadata.namespace, namespace.metadata.name, nameOf(object));
  });

  t.test(`${name}: kubectl makes the same of it`, { skip: whyNoKubectl() }, async (t) => {
    t.strictSame(sorted(objects), sorted(renderByKubectl(variant)));
  });
}
