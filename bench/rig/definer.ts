/**
 * node definer.ts URL CA-FILE LOGIN PER-SECOND: changes the script of a task so often until it is ended. Says `defining` when the first change
 * was accepted, and ends with 1 when one is not.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { typicalTask } from "../typical-task.ts";

const [url = "", caFile = "", authorization = "", perSecond = "1"] = process.argv.slice(2);
const pool = new Pool(url, { connect: { ca: readFileSync(caFile, "utf8") } });

async function send(method: "POST" | "PATCH", path: string, body: object): Promise<void> {
  const answer = await pool.request({ method, path, headers: { authorization }, body: JSON.stringify(body) });
  const text = await answer.body.text();
  if (answer.statusCode === 200) return;
  process.stderr.write(`${method} ${path}: ${answer.statusCode} ${text}\n`);
  process.exit(1);
}

const tasks = "/kapacitor/v1/tasks";
const id = `task-${process.pid}`;
await send("POST", tasks, { id, type: "stream", dbrps: [{ db: "telegraf", rp: "autogen" }], script: typicalTask });
process.stdout.write("defining\n");
for (let next = performance.now(), count = 0; ; count += 1) {
  await send("PATCH", `${tasks}/${id}`, { script: `${typicalTask}// ${count}\n` });
  next += 1000 / Number(perSecond);
  await sleep(Math.max(0, next - performance.now()));
}
