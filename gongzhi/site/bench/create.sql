-- Frozen: the limit that intake is measured against. The four plain inserts of a report, one transaction, eight clients.
\set n random(1, 1000000000)
\set lon random(0, 300)
BEGIN;
INSERT INTO flow_case (code, version_id, title, stage, level, origin, place_id, path, lon, lat, opened_at, entered_at,
  standard, standard_source, due_at, first_due_at, ladder, next_at, next_step, urgent, private, fields, counts, flags,
  unit_ids, about_units, outcome)
VALUES (substr(md5(random()::text || :n), 1, 12), :version, '家里暖气不热', 'receiving', 'street', 'resident', :place,
  :path, 111.7, 40.8, now(), now(), '24h calendar', 'bench', now() + '1 day', now() + '1 day',
  ARRAY[now() + '1 day', now() + '2 day'], now() + '1 day', 0, false, true, '{"public": "received"}', '{}', '{}',
  ARRAY[:unit]::bigint[], '{}', '') RETURNING id AS case_id \gset
INSERT INTO requests_request (case_id, kind, channel, words, summary, address, secret, phone, phone_index, phone_tail,
  caller_name, on_behalf_of, tokens, reported_at)
VALUES (:case_id, 'help', 'api', '家里暖气不热，只有十五度，老人受不了，请尽快派人来看看', '', '团结小区 12 号楼',
  md5(random()::text), decode(md5(random()::text), 'hex'), decode(md5(random()::text), 'hex'),
  decode(md5(random()::text), 'hex'), '', false, ARRAY['家里','里暖','暖气','气不','不热','只有','有十','十五','五度',
  '老人','人受','受不','不了','请尽','尽快','快派','派人','人来','来看','看看'], now());
INSERT INTO flow_task (case_id, kind, stage, role, unit_id, post, opened_at, due_at, first_due_at, ladder, next_at,
  next_step, outcome)
VALUES (:case_id, 'work', 'receiving', 'operator', :unit, 'operator', now(), now() + '2 hours', now() + '2 hours',
  ARRAY[now() + '1 hour', now() + '2 hours'], now() + '1 hour', 0, '') RETURNING id AS task_id \gset
INSERT INTO log_event (at, actor, verb, subject_kind, subject_id, places, data)
VALUES (now(), 'bench', 'request.open', 'case', :case_id, :path, '{"to": "receiving", "origin": "resident"}');
COMMIT;
