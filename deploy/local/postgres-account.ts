/**
 * As whom Postgres runs: it refuses to run as root, so there it runs as the owner of its data, who is "nobody" for
 * data that we make. That account need not be able to reach the folders that root has put everything in.
 */
import { spawnSync } from "node:child_process";
import { chownSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Runs Postgres' programs as whoever they have to run as. */
export interface PostgresAccount {
  /** Gives the account a folder that we made. */
  own(path: string): void;
  /** How to spawn a program as the account; the pid is the program's own. */
  command(
    file: string,
    args: string[],
  ): { file: string; args: string[]; spawn: { uid?: number; gid?: number } };
}

const NOBODY = 65534;
const TRAVERSABLE_BY_ALL = 0o001;

/**
 * Decides as whom the Postgres of a data folder runs.
 *
 * @param dir its data folder; it need not be there yet, its parent has to
 * @param binaries the folder of its programs
 */
export function postgresAccount(dir: string, binaries: string): PostgresAccount {
  const me = process.getuid?.();
  const owner = statSync(dir, { throwIfNoEntry: false });
  if (me !== 0) {
    if (owner && me !== undefined && owner.uid !== me) {
      throw new Error(
        `The Postgres data ${dir} belong to user ${owner.uid}, and this is user ${me}. ` +
          `Run as that user (or as root), or remove the folder, or give it away: chown -R ${me} ${dir}`,
      );
    }
    return { own: () => undefined, command: (file, args) => ({ file, args, spawn: {} }) };
  }

  const uid = owner && owner.uid !== 0 ? owner.uid : NOBODY;
  const gid = owner && owner.uid !== 0 ? owner.gid : NOBODY;
  const closed = closedFolder(dirname(dir)) ?? closedFolder(binaries);
  if (closed !== null && spawnSync("setpriv", ["--version"]).error) {
    throw new Error(
      `Postgres cannot run as root, and user ${uid} cannot enter ${closed}. Either move the project out of it, ` +
        "or install setpriv (package util-linux), or set DATABASE_URL to a Postgres that runs.",
    );
  }
  return {
    own: (path) => chownSync(path, uid, gid),
    command(file, args) {
      if (closed === null) return { file, args, spawn: { uid, gid } };
      // Only the right to pass closed folders is kept of root's; setpriv becomes the program, and keeps its pid.
      const rights = ["--clear-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"];
      return {
        file: "setpriv",
        args: [`--reuid=${uid}`, `--regid=${gid}`, ...rights, "--", file, ...args],
        spawn: {},
      };
    },
  };
}

/** The first folder on the way to this one that not everybody may pass; null if there is none. */
function closedFolder(path: string): string | null {
  for (let folder = realpathSync(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & TRAVERSABLE_BY_ALL) === 0) return folder;
    if (folder === dirname(folder)) return null;
  }
}
