import t from "tap";
import {
  type LookUp,
  type Reading,
  readHandler,
  readSection,
  readTask,
  readTasks,
  readTemplate,
  type StoredAnswer,
} from "../../src/core/stored-state.ts";
import { storedAnswers } from "./stored-answer-cases.ts";

function read(question: LookUp, answer: StoredAnswer): Reading<unknown> {
  switch (question.kind) {
    case "task":
      return readTask(answer, question.id);
    case "tasks":
      return readTasks(answer);
    case "template":
      return readTemplate(answer, question.id);
    case "handler":
      return readHandler(answer, question.topic, question.id);
    case "section":
      return readSection(answer);
  }
}

t.test("what Kapacitor says about a stored object counts only in the shape of that object", async (t) => {
  for (const { story, question, status, body, expect } of storedAnswers) {
    const reading = read(question, { status, body: Buffer.from(body) });
    t.equal(reading.kind, expect, story);
    if (reading.kind === "unreadable") t.match(reading.text, /^(?:is|has|came) /, story);
  }
});
