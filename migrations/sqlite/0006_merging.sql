-- The parts of the full-text index of tasks are merged a little with each portion of texts, and not much from time to time.
INSERT INTO tasks_text (tasks_text, rank) VALUES ('automerge', 0);
