/** Foyer's own protocol (docs/protocol.md). */
import { ownCopy } from "../../shared/own-copy.ts";
import { type Dialect, heardFirst, type Kind } from "./dialect.ts";

/** Where the account's id stands in the answer to a login: 40 rooms come with it, which nobody parses here. */
const OWN_ID = '"user.config":{"id":"';
const ID_CHARACTERS = 36;

/** What is searched for, and which page of it. */
export interface Search {
  term: string;
  page: number;
}

/** Some, few and no names contain these (`logins.ts` has the names). */
const usualSearches: readonly Search[] = ["ada", "lovelace", "mir", "an", "e", "berlin", "zzz", ""].flatMap(
  (term) => [1, 2, 3].map((page) => ({ term, page })),
);

/** The protocol. */
export function speakFoyer(searches: readonly Search[] = usualSearches): Dialect {
  return {
    url: (base) => base,
    async enter(connection, member) {
      connection.send(`["authenticate",${member.login}]`);
      member.id = await heardFirst(connection, (text) => {
        if (text.startsWith('["error"')) throw new Error(codeOf(text));
        const at = text.indexOf(OWN_ID);
        if (!text.startsWith('["authenticated"') || at < 0) return undefined;
        return ownCopy(text.slice(at + OWN_ID.length, at + OWN_ID.length + ID_CHARACTERS));
      });
    },
    frame(kind, n, member, other) {
      switch (kind) {
        case "fetch":
          return `["user.fetch",${n},{"id":"${other.id}"}]`;
        case "search":
          return searchFrame(n, searches[n % searches.length]!);
        case "list":
          // What opens when somebody looks who is there.
          return searchFrame(n, { term: "", page: 1 });
        case "ping":
          return `["ping",${n}]`;
        case "ban":
          return `["user.ban",${n},{"id":"${other.id}"}]`;
        default:
          return `["user.update",${n},{"profile":{"n":${n},"display_name":"Load ${member.user}"}}]`;
      }
    },
    isAnswered: () => true,
    hear(text) {
      if (text.startsWith('["success",'))
        return { n: Number.parseInt(text.slice(11), 10), outcome: "success" };
      if (text.startsWith('["pong",')) return { n: Number.parseInt(text.slice(8), 10), outcome: "success" };
      if (text.startsWith('["error",')) {
        const n = Number.parseInt(text.slice(9), 10);
        return Number.isNaN(n) ? null : { n, outcome: codeOf(text) };
      }
      if (!text.startsWith('["user.updated",')) return null;
      const [, news] = /"n": ?(\d+)/.exec(text) ?? [];
      return news === undefined ? null : { news: Number(news) };
    },
    judge(kind: Kind, text, other) {
      if (kind !== "fetch" || text.includes(other.id)) return null;
      return "another user's object";
    },
  };
}

function searchFrame(n: number, { term, page }: Search): string {
  return `["user.list.search",${n},{"search_term":${JSON.stringify(term)},"badge":null,"page":${page}}]`;
}

function codeOf(text: string): string {
  return /"code": ?"([^"]*)"/.exec(text)?.[1] ?? "unknown";
}
