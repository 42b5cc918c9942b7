/**
 * The version after this one, for trying a rollout before there is one: a copy of the build in which envelopes of
 * commands and replies have the next version and another shape, so that this build can make nothing of them.
 */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { program } from "../../shared/testing/node.ts";

/** What is written of the new shape: a map with one more field, where there was a list. */
const NEW_CODE = `
export function encodeCommands(envelope, version = ENVELOPE_VERSION) {
  return renew(encodeCommandsBefore(envelope, version));
}
export function encodeReplies(replies, reads) {
  return renew(encodeRepliesBefore(replies, reads));
}
export function decodeCommands(bytes) {
  return decodeCommandsBefore(restore(bytes));
}
export function decodeReplies(bytes) {
  return decodeRepliesBefore(restore(bytes));
}
function renew(bytes) {
  const [version, ...fields] = packr.unpack(bytes);
  return version < ENVELOPE_VERSION ? bytes : packr.pack([version, { fields, added: "field" }]);
}
function restore(bytes) {
  const [version, value] = open(bytes);
  if (version < ENVELOPE_VERSION) return bytes;
  if (value?.added !== "field") broken();
  return packr.pack([version, ...value.fields]);
}
`;

/** Makes it in a temporary folder. @returns its command line, and what takes it away */
export async function makeNextVersion(): Promise<{ program: string; remove(): Promise<void> }> {
  const root = dirname(dirname(dirname(program)));
  const folder = await mkdtemp(join(tmpdir(), "foyer-next-"));
  await cp(join(root, "dist"), join(folder, "dist"), { recursive: true });
  await mkdir(join(folder, "deploy", "bin"), { recursive: true });
  await cp(program, join(folder, "deploy", "bin", "foyer.mjs"));
  await cp(join(root, "package.json"), join(folder, "package.json"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const file = join(folder, "dist", "shared", "envelope.js");
  await writeFile(file, nextEnvelope(await readFile(file, "utf8")));
  return {
    program: join(folder, "deploy", "bin", "foyer.mjs"),
    remove: () => rm(folder, { recursive: true }),
  };
}

/** @throws Error where the code has changed, and this has to change with it */
function nextEnvelope(code: string): string {
  let changed = replaceOne(
    code,
    /const ENVELOPE_VERSION = (\d+);/,
    (_, n) => `const ENVELOPE_VERSION = ${Number(n) + 1};`,
  );
  for (const name of ["encodeCommands", "encodeReplies", "decodeCommands", "decodeReplies"]) {
    changed = replaceOne(changed, new RegExp(`export function ${name}\\(`), () => `function ${name}Before(`);
  }
  return changed.replace(/\/\/# sourceMappingURL.*/, "") + NEW_CODE;
}

function replaceOne(text: string, what: RegExp, by: (...found: string[]) => string): string {
  if (text.match(new RegExp(what, "g"))?.length !== 1)
    throw new Error(`the build has not one place that is ${what}`);
  return text.replace(what, by);
}
