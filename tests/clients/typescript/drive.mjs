// The steps that every TypeScript client takes: each tool, a resource, a prompt.
import assert from 'node:assert/strict';

const TOOLS = [
  'create_task', 'get_task', 'update_task', 'list_tasks', 'delete_task', 'complete_task', 'execute_task',
  'assign_role_to_task', 'list_roles', 'create_project', 'search_entities', 'get_dashboard_stats',
  'index_document', 'health_check',
];

export async function drive(client, label) {
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), TOOLS);

  const call = async (name, args = {}) => {
    const result = await client.callTool({ name, arguments: args });
    assert.ok(!result.isError, `${name}: ${JSON.stringify(result.content)}`);
    assert.ok(result.content[0].text.length > 0, name);
    console.log(`  ${name}: ${JSON.stringify(result.structuredContent).slice(0, 100)}`);
    return result.structuredContent;
  };

  const { project } = await call('create_project', { name: label });
  const plan = await call('create_task', {
    tasks: [
      { ref: 'a', title: 'Draw', project_id: project.id },
      { ref: 'b', title: 'Build', project_id: project.id, depends_on: ['a'] },
    ],
  });
  const [first, second] = plan.tasks.map((row) => row.id);
  assert.deepEqual((await call('get_task', { task_id: second })).task.waiting_for, [first]);
  await call('update_task', { task_id: first, tags: '["x","y"]', priority: 'urgent' });
  await call('assign_role_to_task', { task_id: first, role: 'developer' });
  const ready = await call('list_tasks', { ready: 'true', project_id: label });
  assert.deepEqual(ready.tasks.map((row) => row.id), [first]);
  const claim = await call('execute_task', { next: true, project_id: label });
  const done = await call('complete_task', { task_id: first, execution_id: claim.execution.id });
  assert.deepEqual(done.unblocked, [second]);
  await call('index_document', { uri: `docs/${label}`, content: `A text about ${label} gliders` });
  assert.ok((await call('search_entities', { query: 'gliders' })).hits.length > 0);
  await call('delete_task', { task_id: second });
  await call('list_roles');
  await call('get_dashboard_stats');
  assert.equal((await call('health_check')).status, 'healthy');

  // An error must pass the client's own check of structured content against the output schema.
  const wrong = await client.callTool({ name: 'get_task', arguments: { task_id: 'nothing' } });
  assert.equal(wrong.isError, true);
  assert.equal(wrong.structuredContent.error_code, 'not_found');

  const read = await client.readResource({ uri: `bindery://task/${first}` });
  assert.equal(JSON.parse(read.contents[0].text).task.status, 'done');
  const prompt = await client.getPrompt({ name: 'review_progress', arguments: {} });
  assert.match(prompt.messages[0].content.text, /get_dashboard_stats/);
}
