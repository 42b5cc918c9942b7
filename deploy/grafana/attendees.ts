/** The screen for the wall: whether attendees are happy. */
import { type Dashboard, one, percentiles, perSecond, quantile } from "./panels.ts";

/** Of commands that a worker or a store failed. */
const serverErrors = 'foyer_gateway_commands_total{outcome=~"server[.].+"}';

const online = 'sum(foyer_gateway_connections{state="authenticated"})';

export const attendees: Dashboard = {
  uid: "foyer-attendees",
  title: "Foyer: Attendees",
  description: "Whether attendees are happy. All green: they are.",
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Online",
          help: "Connections that are logged in. A person with three tabs counts three times.",
          kind: "figure",
          unit: "short",
          queries: one(online),
        },
        {
          title: "Logins a second",
          help: "Successful ones.",
          kind: "figure",
          unit: "reqps",
          queries: one(perSecond('foyer_gateway_authentications_total{outcome="success"}')),
        },
        {
          title: "Answers within",
          help: "99 of 100 commands are answered within this time.",
          kind: "figure",
          unit: "s",
          queries: one(quantile(0.99, "foyer_gateway_command_duration_seconds")),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Changes arrive within",
          help: "99 of 100 changes of a profile reach the other connections of that person within this time.",
          kind: "figure",
          unit: "s",
          queries: one(quantile(0.99, "foyer_gateway_fanout_delay_seconds")),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Failed by us",
          help: "Share of commands that a worker or a store failed: server.timeout, server.overloaded, server.fatal.",
          kind: "figure",
          unit: "percentunit",
          queries: one(
            `(${perSecond(serverErrors)} or vector(0)) / ${perSecond("foyer_gateway_commands_total")}`,
          ),
          thresholds: { warn: 0.001, alarm: 0.01 },
        },
        {
          title: "Lost a minute",
          help: "Connections that broke or were closed for a fault, not by their client and not for a deploy.",
          kind: "figure",
          unit: "short",
          queries: one(
            '60 * (sum(rate(foyer_gateway_connections_closed_total{reason!~"client|reload|restart|replaced"}[$__rate_interval])) or vector(0))',
          ),
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          title: "People online",
          help: "Logged in, and on their way in.",
          kind: "chart",
          unit: "short",
          stacked: true,
          queries: one("sum by (state) (foyer_gateway_connections)", "{{state}}"),
        },
        {
          title: "Logins by outcome",
          help: "auth.expired_token: the ticket system's tokens are too old. auth.denied: banned, or no ticket for this world.",
          kind: "chart",
          unit: "reqps",
          stacked: true,
          queries: one(
            perSecond("foyer_gateway_authentications_total", "method, outcome"),
            "{{method}} {{outcome}}",
          ),
        },
        {
          title: "Time to an answer",
          help: "From a command's arrival at the gateway to its answer.",
          kind: "chart",
          unit: "s",
          queries: percentiles("foyer_gateway_command_duration_seconds"),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Time until others see a change",
          help: "From a worker's publishing to the gateway's writing.",
          kind: "chart",
          unit: "s",
          queries: percentiles("foyer_gateway_fanout_delay_seconds"),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Commands",
          help: "What people do.",
          kind: "chart",
          unit: "reqps",
          stacked: true,
          queries: one(perSecond("foyer_gateway_commands_total", "command"), "{{command}}"),
        },
        {
          title: "Commands without success",
          help: "Refusals are ordinary; server.… never is.",
          kind: "chart",
          unit: "reqps",
          stacked: true,
          queries: one(
            perSecond('foyer_gateway_commands_total{outcome!="success"}', "outcome"),
            "{{outcome}}",
          ),
        },
      ],
    },
  ],
};
