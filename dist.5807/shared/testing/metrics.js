/** Reads a node's Prometheus text, as a scrape does. */
/** Looks once. @param ops `http://host:port` of the node's ops port */
export async function scrape(ops) {
    const text = await (await fetch(`${ops}/metrics`)).text();
    const names = [];
    const samples = [];
    for (const line of text.split("\n")) {
        const [, declared] = /^# TYPE (\S+) /.exec(line) ?? [];
        if (declared !== undefined)
            names.push(declared);
        const [, name, list = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
        if (name === undefined)
            continue;
        const labels = Object.fromEntries([...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, each]) => [key, each]));
        samples.push({ name, labels, value: Number(value) });
    }
    return {
        names,
        value(name, labels = {}) {
            const wanted = Object.entries(labels);
            return samples
                .filter((sample) => sample.name === name && wanted.every(([key, each]) => sample.labels[key] === each))
                .reduce((sum, sample) => sum + sample.value, 0);
        },
    };
}
//# sourceMappingURL=metrics.js.map