BEGIN TRANSACTION;
CREATE TABLE history (
        revision INTEGER PRIMARY KEY, kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
        state TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, txn TEXT NOT NULL, at REAL NOT NULL);
INSERT INTO "history" VALUES(1,'PrivateLine','acme','x','APPLYING','','','t1',10.0);
INSERT INTO "history" VALUES(2,'PrivateLine','acme','x','ACTIVE','','','t1',20.0);
INSERT INTO "history" VALUES(3,'PrivateLine','acme','yy','APPLYING','','','t2',10.0);
CREATE TABLE intents (
        kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
        spec TEXT NOT NULL, state TEXT NOT NULL, generation INTEGER NOT NULL,
        created_revision INTEGER NOT NULL, revision INTEGER NOT NULL,
        reason TEXT NOT NULL, message TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
        PRIMARY KEY (kind, tenant, name)) WITHOUT ROWID;
INSERT INTO "intents" VALUES('PrivateLine','acme','x','{"tenant":"acme","name":"x","a":{"site":"dc-bj-1","vlan":101},"z":{"site":"dc-gz-1","vlan":101},"cir_bps":{"a_to_z":1000000,"z_to_a":1000000},"max_delay_ns":null,"mtu_bytes":1500,"protection":"none","disjoint":"link","avoid":{"nodes":[],"links":[],"srlgs":[],"regions":[]},"via":[],"objective":"delay","priority":4}','ACTIVE',1,1,2,'','',10.0,20.0);
INSERT INTO "intents" VALUES('PrivateLine','acme','yy','{"tenant":"acme","name":"yy","a":{"site":"dc-bj-1","vlan":102},"z":{"site":"dc-gz-1","vlan":102},"cir_bps":{"a_to_z":1000000,"z_to_a":1000000},"max_delay_ns":null,"mtu_bytes":1500,"protection":"none","disjoint":"link","avoid":{"nodes":[],"links":[],"srlgs":[],"regions":[]},"via":[],"objective":"delay","priority":4}','APPLYING',1,3,3,'','',10.0,10.0);
CREATE TABLE journal (
        txn TEXT NOT NULL, seq INTEGER NOT NULL, device TEXT NOT NULL, round INTEGER NOT NULL,
        round_kind TEXT NOT NULL, verb TEXT NOT NULL, moment TEXT NOT NULL CHECK (moment IN ('before', 'after')),
        changes TEXT,
        PRIMARY KEY (txn, seq)) WITHOUT ROWID;
INSERT INTO "journal" VALUES('t2',0,'pe-bj',0,'prepare','stage','before','[[null,["flow",6074232196439212034,1,200,[null,null,null,524294],[["Unwrap",false],["Output",11]]]],[null,["flow",6074232196439212034,1,200,[null,null,null,524295],[["Unwrap",true],["Output",11]]]],[null,["meter",2,1000,500]]]');
INSERT INTO "journal" VALUES('t2',1,'pe-gz',0,'prepare','stage','before','[[null,["flow",6074232196439212034,1,200,[null,null,null,524292],[["Unwrap",false],["Output",11]]]],[null,["flow",6074232196439212034,1,200,[null,null,null,524293],[["Unwrap",true],["Output",11]]]],[null,["meter",2,1000,500]]]');
INSERT INTO "journal" VALUES('t2',2,'pe-bj',1,'flip','stage','before','[[null,["flow",6074232196439212034,0,250,[11,34887,102,null],[["Police",2],["Wrap",524293,true],["UseGroup",1]]]],[null,["flow",6074232196439212034,0,250,[11,34888,102,null],[["Police",2],["Wrap",524293,true],["UseGroup",1]]]],[null,["flow",6074232196439212034,0,200,[11,null,102,null],[["Police",2],["Wrap",524292,false],["UseGroup",1]]]]]');
INSERT INTO "journal" VALUES('t2',3,'pe-gz',1,'flip','stage','before','[[null,["flow",6074232196439212034,0,250,[11,34887,102,null],[["Police",2],["Wrap",524295,true],["UseGroup",1]]]],[null,["flow",6074232196439212034,0,250,[11,34888,102,null],[["Police",2],["Wrap",524295,true],["UseGroup",1]]]],[null,["flow",6074232196439212034,0,200,[11,null,102,null],[["Police",2],["Wrap",524294,false],["UseGroup",1]]]]]');
CREATE TABLE leftovers (
        device TEXT NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (device, rule)) WITHOUT ROWID;
CREATE TABLE placements (
        kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, placed TEXT NOT NULL,
        PRIMARY KEY (kind, tenant, name)) WITHOUT ROWID;
INSERT INTO "placements" VALUES('PrivateLine','acme','x',1,'{"line":{"tenant":"acme","name":"x","a":{"site":"dc-bj-1","vlan":101},"z":{"site":"dc-gz-1","vlan":101},"cir_bps":{"a_to_z":1000000,"z_to_a":1000000},"max_delay_ns":null,"mtu_bytes":1500,"protection":"none","disjoint":"link","avoid":{"nodes":[],"links":[],"srlgs":[],"regions":[]},"via":[],"objective":"delay","priority":4},"number":1,"paths":[{"role":"working","route":{"nodes":["pe-bj","p-zz","p-wh","pe-gz"],"links":["bj-zz-1","zz-wh","wh-gz"]},"delay_ns":{"a_to_z":12700000,"z_to_a":12700000},"reserved_bps":{"a_to_z":1000000,"z_to_a":1000000}}],"service_label":{"a_to_z":524288,"z_to_a":524290},"trunk_label":{"a_to_z":1024,"z_to_a":1025},"meter_id":{"a_to_z":1,"z_to_a":1}}');
CREATE TABLE requests (
        request_id TEXT PRIMARY KEY, fingerprint BLOB NOT NULL, txn TEXT NOT NULL, keys TEXT NOT NULL,
        reason TEXT, message TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE revision (only INTEGER PRIMARY KEY CHECK (only = 1), value INTEGER NOT NULL);
INSERT INTO "revision" VALUES(1,3);
CREATE TABLE transactions (
        txn TEXT PRIMARY KEY, kind TEXT NOT NULL, phase TEXT NOT NULL,
        keys TEXT NOT NULL, movement TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL) WITHOUT ROWID;
INSERT INTO "transactions" VALUES('t1','apply','DONE','[]','',10.0,20.0);
INSERT INTO "transactions" VALUES('t2','apply','RUNNING','[["PrivateLine", "acme", "yy"]]','{"lines_out":[],"lines_in":[{"line":{"tenant":"acme","name":"yy","a":{"site":"dc-bj-1","vlan":102},"z":{"site":"dc-gz-1","vlan":102},"cir_bps":{"a_to_z":1000000,"z_to_a":1000000},"max_delay_ns":null,"mtu_bytes":1500,"protection":"none","disjoint":"link","avoid":{"nodes":[],"links":[],"srlgs":[],"regions":[]},"via":[],"objective":"delay","priority":4},"number":2,"paths":[{"role":"working","route":{"nodes":["pe-bj","p-zz","p-wh","pe-gz"],"links":["bj-zz-1","zz-wh","wh-gz"]},"delay_ns":{"a_to_z":12700000,"z_to_a":12700000},"reserved_bps":{"a_to_z":1000000,"z_to_a":1000000}}],"service_label":{"a_to_z":524292,"z_to_a":524294},"trunk_label":{"a_to_z":1024,"z_to_a":1025},"meter_id":{"a_to_z":2,"z_to_a":2}}],"trunks_out":[],"trunks_in":[]}',10.0,NULL);
CREATE TABLE trunks (label INTEGER PRIMARY KEY, trunk TEXT NOT NULL);
INSERT INTO "trunks" VALUES(1024,'{"label":1024,"route":{"nodes":["pe-bj","p-zz","p-wh","pe-gz"],"links":["bj-zz-1","zz-wh","wh-gz"]},"group_id":1}');
INSERT INTO "trunks" VALUES(1025,'{"label":1025,"route":{"nodes":["pe-gz","p-wh","p-zz","pe-bj"],"links":["wh-gz","zz-wh","bj-zz-1"]},"group_id":1}');
CREATE INDEX history_of_intent ON history (kind, tenant, name);
COMMIT;
PRAGMA user_version = 1;
