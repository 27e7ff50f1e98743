-- Who sends over HTTP is a kind, an issuer and a name, in one text (`batches/sender.ts` writes it): a key and a token of
-- one name are two senders, and so are two keys that had one name after each other. Before, only the name was kept.

-- What was kept as a name alone is the key's that had it then, or else a token's (`former`); `anonymous` and `collect`
-- stay: nobody was asked who they are.
ALTER TABLE :schema.import_batches ADD COLUMN sender text COLLATE "C"; -- null for a file
UPDATE :schema.import_batches b
   SET sender = CASE WHEN named.name IN ('anonymous', 'collect') THEN named.name
                     ELSE coalesce((SELECT format('["key","%s",%s]', min(k.id), to_json(named.name)) FROM :schema.api_keys k
                                     WHERE k.name = named.name AND k.created_at < b.hour + interval '1 hour'
                                       AND (k.revoked_at IS NULL OR k.revoked_at >= b.hour) HAVING count(*) = 1),
                                   format('["former","",%s]', to_json(named.name))) END
  FROM (SELECT id, substr(file, 6) AS name FROM :schema.import_batches WHERE source = 'http') named
 WHERE b.id = named.id;
ALTER TABLE :schema.import_batches
  ADD CONSTRAINT import_batches_sender_check CHECK ((source = 'http') = (sender IS NOT NULL));
DROP INDEX :schema.import_batches_http;
CREATE UNIQUE INDEX import_batches_http ON :schema.import_batches (sender, hour)
  WHERE source = 'http' AND status = 'completed';

-- An answer is given again only while the batches are there that own the events which it speaks of. Of an older answer
-- all batches count that its sender had at that time, and those that owned their duplicates.
ALTER TABLE :schema.http_answers ADD COLUMN batch_ids bigint[] NOT NULL DEFAULT '{}';
UPDATE :schema.http_answers a
   SET batch_ids = ARRAY(
         SELECT b.id FROM :schema.import_batches b
          WHERE b.source = 'http' AND b.file = 'http:' || a.sender
            AND b.finished_at >= a.answered_at - interval '1 minute' AND b.hour <= a.answered_at
         UNION
         SELECT o.owner_id FROM :schema.import_overlaps o JOIN :schema.import_batches b ON b.id = o.batch_id
          WHERE b.source = 'http' AND b.file = 'http:' || a.sender
            AND b.finished_at >= a.answered_at - interval '1 minute' AND b.hour <= a.answered_at),
       sender = CASE WHEN a.sender IN ('anonymous', 'collect') THEN a.sender
                     ELSE coalesce((SELECT format('["key","%s",%s]', k.id, to_json(a.sender)) FROM :schema.api_keys k
                                     WHERE k.name = a.sender AND k.created_at <= a.answered_at
                                       AND (k.revoked_at IS NULL OR k.revoked_at > a.answered_at)),
                                   format('["former","",%s]', to_json(a.sender))) END;
