/** The dashboards: what one needs to know, from the people outwards in to the stores. */
import { attendees } from "./attendees.ts";
import { core } from "./core.ts";
import { gateways } from "./gateways.ts";
import type { Dashboard } from "./panels.ts";
import { stores } from "./stores.ts";

export const dashboards: readonly Dashboard[] = [attendees, gateways, core, stores];
