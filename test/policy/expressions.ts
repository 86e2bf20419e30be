interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** A request with an expression in it that Kapacitor reads with its parser of scripts. */
export interface ExpressionRequest {
  readonly story: string;
  readonly before: readonly Request[];
  readonly request: Request;
  /** What a refusal says. */
  readonly text: RegExp;
}

const api = "/kapacitor/v1";

/** Every place for an expression outside of scripts. */
export function expressionRequests(expression: string): readonly ExpressionRequest[] {
  const request = (method: string, path: string, body: unknown): Request => ({
    method,
    path: api + path,
    body: JSON.stringify(body),
  });
  const handler = (match: string) => ({ id: "h", kind: "talk", options: {}, match });
  const lambda = { type: "lambda", value: expression };
  const task = {
    id: "t",
    type: "stream",
    dbrps: [{ db: "d", rp: "r" }],
    script: "var l = lambda: TRUE\nstream|from().where(l)",
  };
  const inMatch = /^in the match, line 1:1: .*\n> 1 \| /;
  const inVars = /the lambda of a var, line 1:1: /;
  return [
    {
      story: "the match of a new handler",
      before: [],
      request: request("POST", "/alerts/topics/t/handlers", handler(expression)),
      text: inMatch,
    },
    {
      story: "the match of a handler that is replaced",
      before: [request("POST", "/alerts/topics/t/handlers", handler(""))],
      request: request("PUT", "/alerts/topics/t/handlers/h", handler(expression)),
      text: inMatch,
    },
    {
      story: "the match of a handler that is patched",
      before: [request("POST", "/alerts/topics/t/handlers", handler(""))],
      request: request("PATCH", "/alerts/topics/t/handlers/h", [{ op: "replace", path: "/match", value: expression }]),
      text: inMatch,
    },
    {
      story: "a var of a new task",
      before: [],
      request: request("POST", "/tasks", { ...task, id: "t1", vars: { l: lambda } }),
      text: inVars,
    },
    {
      story: "a var of a task that is changed",
      before: [request("POST", "/tasks", task)],
      request: request("PATCH", "/tasks/t", { vars: { l: lambda } }),
      text: inVars,
    },
    {
      story: "a var in a list",
      before: [],
      request: request("POST", "/tasks", { ...task, id: "t2", vars: { x: { type: "list", value: [lambda] } } }),
      text: inVars,
    },
  ];
}
