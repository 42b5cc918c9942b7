/** Reads a node's Prometheus text, as a scrape does. */

/** What a node counted at one moment. */
export interface Scrape {
  /** Names of all metrics, without the endings of histograms. */
  names: string[];
  /** The sum of the samples of this name whose labels include these; 0 where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** How many such samples there are: 0 where a series has not begun. */
  count(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** Looks once. @param ops `http://host:port` of the node's ops port */
export async function scrape(ops: string): Promise<Scrape> {
  const text = await (await fetch(`${ops}/metrics`)).text();
  const names: string[] = [];
  const samples: { name: string; labels: Record<string, string>; value: number }[] = [];
  for (const line of text.split("\n")) {
    const [, declared] = /^# TYPE (\S+) /.exec(line) ?? [];
    if (declared !== undefined) names.push(declared);
    const [, name, list = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const labels = Object.fromEntries(
      [...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, each]) => [key!, each!]),
    );
    samples.push({ name, labels, value: Number(value) });
  }
  const find = (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const wanted = Object.entries(labels);
    return samples.filter(
      (sample) => sample.name === name && wanted.every(([key, each]) => sample.labels[key] === each),
    );
  };
  return {
    names,
    value: (name, labels) => find(name, labels).reduce((sum, sample) => sum + sample.value, 0),
    count: (name, labels) => find(name, labels).length,
  };
}
