/** Every WebSocket close code that a gateway sends, with its reason text. */
export const closeCodes = {
  /** Unknown world, no login in time, too many failed logins. */
  policy: 1008,
  /** A binary frame, or the 10th frame that could not be read. */
  unacceptable: 1003,
  /** A message over the size limit. */
  tooBig: 1009,
  /** A bug in the server. */
  fatal: 1011,
  /** The gateway drains, or an answer broke off midway: connect again, another node answers. */
  restart: 1012,
  /** The client reads too slowly. */
  slow: 1013,
  /** `connection.reload`: load the page anew. */
  reload: 4000,
  /** This user opened too many connections. */
  replaced: 4001,
} as const;
