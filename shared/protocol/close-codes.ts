/** Every WebSocket close code that a gateway sends. The name goes with it as its reason text. */
export const closeCodes = {
  policy: 1008,
  unacceptable: 1003,
  tooBig: 1009,
  fatal: 1011,
  restart: 1012,
  slow: 1013,
  reload: 4000,
  replaced: 4001,
} as const;

/** The name of a close code. */
export type CloseName = keyof typeof closeCodes;

/** When a client meets each of them. */
export const closeCauses: Readonly<Record<CloseName, string>> = {
  policy: "unknown world, no login in time, too many failed logins, or a flood of frames",
  unacceptable: "a binary frame, or the 10th frame that could not be read",
  tooBig: "a message over the size limit",
  fatal: "a bug in the server",
  restart: "the gateway drains, or cannot give an answer: connect again, another node answers",
  slow: "the client reads too slowly",
  reload: "follows connection.reload: load the page anew",
  replaced: "this user opened too many connections",
};
