/**
 * Loaded into each test file by run-tests.mjs --grep: lets only those tests run whose name contains the text,
 * at any depth. tap's own --grep matches one level only, so that it never finds a test within a group.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import t, { TestBase } from "tap";

// biome-ignore lint/style/noProcessEnv: the only way for the test runner to tell this process anything.
const text = (process.env.TEST_GREP ?? "").toLowerCase();
/** True in the body of a test that was asked for: all within it belongs to it. */
const asked = new AsyncLocalStorage();

/** A group is known by what it does: its body has tests of its own. */
const isGroup = (body) => /\.test\(/.test(String(body));

/**
 * Makes a test object decide our way first.
 *
 * @param {{ shouldSkipChild: (options: object) => boolean }} owner
 */
function filterChildren(owner) {
  const { shouldSkipChild } = owner;
  owner.shouldSkipChild = (options) => {
    const { name = "", cb } = options;
    if (text !== "" && cb !== undefined && asked.getStore() === undefined) {
      if (name.toLowerCase().includes(text)) options.cb = (...args) => asked.run(true, () => cb(...args));
      else if (!isGroup(cb)) options.skip = "not asked for";
    }
    return shouldSkipChild(options);
  };
}

// The outermost test of a file is there as soon as tap is, the others take it from their class.
filterChildren(t);
filterChildren(TestBase.prototype);
