/** Reads a Dockerfile and a .dockerignore, as far as ours go; what they do not use is refused rather than passed over. */

/** One instruction of a stage, its continued lines put together. */
export interface Step {
  name: string;
  /** `--from=build` and the like. */
  flags: Record<string, string>;
  text: string;
}

export interface Stage {
  name: string;
  base: string;
  steps: Step[];
}

const KNOWN = ["ARG", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"];

/** @returns arguments before the first stage, with their defaults, and the stages */
export function readDockerfile(text: string): { args: Map<string, string>; stages: Stage[] } {
  const lines = text
    .split("\n")
    .filter((line) => !line.startsWith("#") && line.trim() !== "")
    .join("\n")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  const args = new Map<string, string>();
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const stage = stages.at(-1);
    if (name === "FROM") {
      const [, base = "", as = `${stages.length}`] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(rest) ?? [];
      stages.push({ name: as, base: expand(base, Object.fromEntries(args)), steps: [] });
    } else if (stage === undefined && name === "ARG") {
      const [key = "", ...value] = rest.split("=");
      args.set(key, value.join("="));
    } else if (stage !== undefined && KNOWN.includes(name)) {
      stage.steps.push({ name, ...readFlags(rest) });
    } else throw new Error(`deploy/Dockerfile has an instruction that the test does not know: ${line}`);
  }
  return { args, stages };
}

function readFlags(text: string): Omit<Step, "name"> {
  const [, leading = ""] = /^((?:--\S+\s+)*)/.exec(text) ?? [];
  const flags = [...leading.matchAll(/--([\w-]+)=(\S+)/g)].map(([, name, value]) => [name, value]);
  return { flags: Object.fromEntries(flags), text: text.slice(leading.length) };
}

/** Puts in values for `$NAME` and `${NAME}`. */
function expand(text: string, values: Record<string, string>): string {
  return text.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => values[name] ?? "");
}

/** `A=1 B=2` of ENV. */
export function readPairs(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]));
}

/** @returns whether a file, by its path from the root, goes to the build: the last line about it counts */
export function readDockerignore(text: string): (path: string) => boolean {
  const rules = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ keeps: line.startsWith("!"), pattern: toPattern(line.replace(/^!/, "")) }));
  return (path) => rules.findLast(({ pattern }) => pattern.test(path))?.keeps ?? true;
}

/** A line is about a file or folder, and all that is below it. */
function toPattern(glob: string): RegExp {
  const source = glob
    .split(/(\*\*\/|\*)/)
    .map((part) => (part === "**/" ? "(?:.*/)?" : part === "*" ? "[^/]*" : part.replaceAll(/[.+]/g, "\\$&")))
    .join("");
  return new RegExp(`^${source}(?:/.*)?$`);
}
