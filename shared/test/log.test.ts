import t from "tap";
import { loggedError } from "../log.ts";

t.test("of an error what helps is logged, and nothing that a client wrote", async (t) => {
  const secret = "s3cret";
  const broken = (() => {
    try {
      return JSON.parse(`${secret}"${secret}`) as Error;
    } catch (error) {
      return error as Error;
    }
  })();
  const errors: Record<string, Error> = {
    "the Redis client's": Object.assign(new Error("OOM command not allowed"), {
      command: { name: "get", args: [`failed-logins:{${secret}}`] },
    }),
    "the Postgres client's": Object.assign(new Error(`invalid input syntax: "${secret}\n"`), {
      code: "22P02",
      detail: secret,
      parameters: [secret],
    }),
    "JSON.parse's": broken,
    "one within another": new Error("outer", { cause: Object.assign(new Error("inner"), { query: secret }) }),
  };
  for (const [what, error] of Object.entries(errors)) {
    const text = JSON.stringify(loggedError(error));
    t.notMatch(text, secret, what);
    t.match(text, /"stack":"at .*log\.test\.ts/, what);
  }
  t.match(loggedError(errors["one within another"]), { message: "outer", cause: { message: "inner" } });
});

t.test("a constraint is named, and what a program threw that is no error is not shown", async (t) => {
  const duplicate = Object.assign(new Error("duplicate key"), {
    code: "23505",
    constraint_name: "users_pkey",
  });
  t.match(loggedError(duplicate), { type: "Error", code: "23505", constraint: "users_pkey" });
  t.strictSame(loggedError("text"), { type: "string" });
});
