/** Where a text stops being JSON. `JSON.parse` tells it only for some faults. */

const WHITE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;

/**
 * @param text that `JSON.parse` refuses
 * @returns line and column of the first thing that cannot stand where it does, from 1
 */
export function findJsonFault(text: string): { line: number; column: number } {
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const takeCharacter = (character: string): boolean => {
    take(WHITE);
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const takeList = (end: string, takeItem: () => boolean): boolean => {
    if (takeCharacter(end)) return true;
    do {
      if (!takeItem()) return false;
    } while (takeCharacter(","));
    return takeCharacter(end);
  };
  const takeString = () => take(WHITE) && take(STRING);
  const takeMember = () => takeString() && takeCharacter(":") && takeValue();
  const takeValue = (): boolean => {
    if (takeCharacter("{")) return takeList("}", takeMember);
    if (takeCharacter("[")) return takeList("]", takeValue);
    return take(STRING) || take(SCALAR);
  };
  if (takeValue()) take(WHITE);
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
