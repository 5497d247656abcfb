// A film through a generated client, as somebody writes it who has nothing but the description; and mistakes that it must find.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type Of = components["schemas"];
const client = createClient<paths>({ baseUrl: "https://example.invalid", headers: { Authorization: "Bearer fr1_…" } });

function told<T>(answer: { data?: T; error?: Of["ProblemBody"] }): T {
  if (answer.data === undefined) throw new Error(`${answer.error?.code} at ${answer.error?.field ?? "-"}: ${answer.error?.detail}`);
  return answer.data;
}

export async function film(file: Blob, project: string): Promise<string> {
  const announced = told(await client.POST("/v1/uploads", { body: { name: "logo.png", bytes: file.size } }));
  if ("operation" in announced) return announced.operation;
  const path = { upload_id: announced.upload_id };
  const upload = told(await client.GET("/v1/uploads/{upload_id}", { params: { path, query: { first_part: 1 } } }));
  const etags: string[] = [];
  for (const part of upload.parts) {
    const sent = await fetch(part.url, { method: "PUT", headers: part.headers, body: file.slice(0, part.bytes) });
    etags.push(sent.headers.get("ETag") ?? "");
  }
  told(await client.POST("/v1/uploads/{upload_id}/complete", { params: { path }, body: { etags } }));
  const scenes = [{ scene: "intro", texts: { title: "سلام" }, pictures: { logo: announced.file_id }, speed: 1.5 }];
  const asked = told(
    await client.POST("/v1/renders", {
      params: { query: { dry_run: false }, header: { "Idempotency-Key": "film-1", Prefer: "wait=10" } },
      body: { project_id: project, scenes, width: 1920, height: 1080, rate: [30000, 1001], quality: "high" },
    }),
  );
  if (!("job_id" in asked)) return "operation" in asked ? asked.operation : `${asked.frames} frames`;
  for (const unfilled of asked.missing) console.log(unfilled.field, unfilled.kind, unfilled.default);
  const render = told(await client.GET("/v1/renders/{job_id}", { params: { path: { job_id: asked.job_id } } }));
  switch (render.state) {
    case "completed":
      return render.file === "whole" ? render.url : render.file;
    case "failed":
      return `${render.code}: ${render.detail}`;
    default:
      console.log(render.metadata["order"], render.needs.labels?.length);
      return `${render.frames_done} of ${render.frames_total}, due ${render.deadline ?? "never"}, fonts ${render.needs.fonts?.join() ?? ""}`;
  }
}

export function heard(line: string): string {
  const event = JSON.parse(line) as Of["FeedEvent"];
  switch (event.type) {
    case "render.job.completed":
      return `${event.time}: ${event.data.frames} frames in ${event.data.duration} s`;
    case "render.job.failed":
      return `${event.correlation}: ${event.data.code}`;
    case "render.job.progressed":
      return `${event.data.frames_done} of ${event.data.frames_total}`;
    default:
      return event.type;
  }
}

export async function lists(): Promise<string[]> {
  const page = told(await client.GET("/v1/renders", { params: { query: { state: "failed", limit: 50 } } }));
  const next = page.next_cursor === null ? undefined : page.next_cursor;
  await client.GET("/v1/node-crashes", { params: { query: { kind: "engine_hang", cursor: next } } });
  return page.data.flatMap((row) => row.warnings.map((warning) => `${row.created_at} ${warning.code} ${warning.element ?? ""}`));
}

export async function mistakes(render: Of["RenderRow"], answer: Of["JobAnswer"]): Promise<void> {
  // @ts-expect-error there is no such state
  if (render.state === "finished") return;
  // @ts-expect-error there is no such field
  console.log(render.object_key);
  // @ts-expect-error a name has to be given
  await client.POST("/v1/uploads", { body: { bytes: 1 } });
  // @ts-expect-error a field that is not known
  const upload: Of["PostStartUpload"] = { name: "a", bytes: 1, size: 1 };
  // @ts-expect-error a rate has two numbers
  await client.POST("/v1/renders", { body: { rate: "30" } });
  // @ts-expect-error no such state can be asked for
  await client.GET("/v1/renders", { params: { query: { state: "finished" } } });
  // @ts-expect-error what it is about has to be named
  await client.POST("/v1/renders/{job_id}/cancel", {});
  // @ts-expect-error an answer has what it says
  console.log(answer.paused, upload);
}
