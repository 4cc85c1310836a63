//! Every bound of the product, in one place, with its reason.

/// Longest document key in bytes: S3 allows 1024 for an object key, and a deployment may add a prefix.
pub const KEY_BYTES: usize = 900;

/// Documents asked for side by side: a store across a network takes some milliseconds for each, however many there are.
pub const READ_AT_ONCE: usize = 32;

/// Keys fetched by one call of a listing: the page of S3's `ListObjectsV2`.
pub const LIST_PAGE: usize = 1000;

/// Longest job name in bytes: its percent-encoding, at most three times as long, must fit into a key.
pub const NAME_BYTES: usize = 255;

/// Longest file name in bytes: what common file systems take for one name.
pub const FILE_NAME_BYTES: usize = 255;

/// Longest specification name or path below a folder.
pub const PATH_BYTES: usize = 600;

/// Greatest request body in bytes: the largest published specification has 133 KB; Lambda takes events of 6 MB, in which a body may
/// be base64, and so a third longer.
pub const REQUEST_BODY: usize = 4 * 1024 * 1024;

/// Greatest reply in bytes of a function that answers a gateway: Lambda carries 6 MB, in which the body may be base64.
pub const FUNCTION_REPLY: u64 = 4 * 1024 * 1024;

/// Time for which the address of a file that is handed out instead of its bytes is good.
pub const SHARED_ADDRESS: std::time::Duration = std::time::Duration::from_secs(900);

/// Jobs that may run at once; each holds its generator in memory.
pub const RUNNING_JOBS: usize = 500;

/// Most entities of one job: at about 150 bytes each they stay within a small machine's memory.
pub const CONCURRENCY: u64 = 10_000_000;

/// Most values of a pool (`cardinality`); each costs its text in memory, and some draws before the answer to `/start`.
pub const POOL: usize = 200_000;

/// Most bytes that the values of one pool may take.
pub const POOL_BYTES: usize = 64 * 1024 * 1024;

/// Deepest nesting of objects and lists in a specification.
pub const NESTING: usize = 16;

/// Most dimensions, variables and elements of one specification together.
pub const FIELDS: usize = 10_000;

/// Longest drawn string and list: a record must stay well below a broker's message limit.
pub const DRAWN_LENGTH: usize = 100_000;

/// Largest source file of a replay in bytes; it is held in memory.
pub const REPLAY_SOURCE: usize = 64 * 1024 * 1024;

/// Records at one instant of job time after which a job without `total_events` is taken to stand still.
pub const RECORDS_PER_INSTANT: u64 = 5_000_000;

/// Mistakes reported at once; more would not be read.
pub const MISTAKES: usize = 100;

/// Records of a preview when none are asked for, and at most.
pub const PREVIEW_DEFAULT: u64 = 10;
/// See [`PREVIEW_DEFAULT`].
pub const PREVIEW_MOST: u64 = 1000;
/// Bytes after which a preview begins no further record: about what a reply may hold.
pub const PREVIEW_BYTES: usize = 3 * 1024 * 1024;

/// Streams of which a process remembers what their documents say, and the like: a few megabytes.
pub const STREAMS_REMEMBERED: usize = 20_000;

/// Bytes of a stream's document, with its properties and views: every request reads it.
pub const STREAM_DOCUMENT: usize = 256 * 1024;

/// Views of a stream: they stand in its document.
pub const VIEWS: usize = 100;

/// Programs that may name themselves as users of a stream: they stand in one document.
pub const PROGRAMS: usize = 1000;

/// Notices of a stream that are kept for subscribers who come back.
pub const NOTICES: usize = 100;

/// Requests that make records or decompress at the same time, each on a thread that it keeps busy: more than there are processors, and
/// far fewer than there are threads.
pub const BUSY_THREADS: usize = 8;

/// Asynchronous events, and bytes of them, that may wait to be written. Who sends more waits, too.
pub const QUEUED_EVENTS: usize = 4096;
/// See [`QUEUED_EVENTS`].
pub const QUEUED_BYTES: usize = 64 << 20;

/// Longest body of an event in bytes: as long as the body of a request, so that what is sent alone and what is sent among others
/// meet the same bound.
pub const EVENT_BODY: usize = REQUEST_BODY;

/// Largest header of an Avro file in bytes. It is held in memory while it arrives, and its schema goes with every event.
pub const AVRO_HEADER: usize = 1024 * 1024;

/// Largest block of an Avro file in bytes, as it arrives and decompressed: a block is held in memory whole. Writers end one after
/// some 64 KB; it must hold at least one datum of [`EVENT_BODY`].
pub const AVRO_BLOCK: usize = 16 * 1024 * 1024;

/// Deepest nesting of a datum. Reading one takes some hundred bytes of stack for each level.
pub const AVRO_NESTING: usize = 500;

/// Longest full name of an Avro type in bytes: a namespace counts again for every name inside it.
pub const AVRO_NAME: usize = 1024;

/// Most datums without bytes of one Avro file, and most items without bytes of one datum: a few bytes announce any number of them.
pub const AVRO_EMPTY: u64 = 1024 * 1024;

/// Datums of an Avro file taken at once: a small block can hold millions, and each costs some tens of bytes beside its own.
pub const AVRO_DATUMS_AT_ONCE: usize = 4096;
/// Deepest nesting of types in the schema of a format: reading and printing one recurses.
pub const SCHEMA_NESTING: usize = 32;

/// Most types in one schema, fields included: each costs its memory, and every missing field is written for every event.
pub const SCHEMA_TYPES: usize = 5000;

/// Longest name of a record or a field in bytes: every event's record repeats it.
pub const SCHEMA_NAME_BYTES: usize = 255;

/// Most bytes of a format's settings, names and values together: they are a part of the stream's document.
pub const SETTINGS_BYTES: usize = 64 * 1024;

/// Longest record of one event, as JSON: a small body under a hostile schema may grow by the names of fields.
pub const RECORD_BYTES: usize = 64 * 1024 * 1024;

/// Longest regular expression that a grok pattern may become when the patterns it names are put in: a few times the greatest log line.
pub const GROK_EXPANDED_BYTES: usize = 256 * 1024;

/// Greatest weight of a grok pattern: its states, times the work on one of them, which grows with the fields that are captured. The
/// greatest patterns of the library weigh a fifth of it when all their fields are. Searching keeps some hundreds of bytes for each.
pub const GROK_WEIGHT: usize = 50_000;

/// Weight times bytes that one grok search may take. The worst searches found take four nanoseconds for each, so this is well below a
/// second; a pattern of a common log line may still be given a body of tens of kilobytes.
pub const GROK_STEPS: usize = 50_000_000;

/// Longest writer's schema of an Avro event in bytes; it comes with every event.
pub const AVRO_SCHEMA_BYTES: usize = 64 * 1024;

/// Writers' schemas whose resolution one reader keeps: a stream has few writers at a time.
pub const AVRO_SCHEMAS: usize = 16;

/// Most comparisons of a writer's with a reader's type in one resolution: two recursive schemas could ask for their product.
pub const AVRO_COMPARISONS: usize = 100_000;

/// Deepest nesting of values in a record of an Avro event: reading one recurses, and so does whoever reads its JSON.
pub const AVRO_RECORD_NESTING: usize = 64;

/// Values of an Avro datum that need not be borne by its length: some take no bytes, so that a count of a few bytes could ask for any
/// number of them.
pub const AVRO_FREE_VALUES: usize = 65_536;

/// Shortest time between two ticks or two messages of a device, in microseconds: a model that asks for less would send without end.
pub const SHORTEST_INTERVAL: i64 = 10_000;

/// Members of a device's state that its model knows, and members beyond those: a fleet holds the states of all of its devices in memory.
pub const DEVICE_MEMBERS: usize = 100;

/// Scripts of one device that may sleep at the same time, each with a state of its own.
pub const DEVICE_RUNS: usize = 8;

/// Longest id of a device model, a script or a file to replay in bytes: with a number behind it, it must be an id of a device, which has
/// 128 at most.
pub const KEPT_ID_BYTES: usize = 100;

/// Most custom device models, and most scripts: a list shows them whole, and must fit into [`FUNCTION_REPLY`].
pub const LISTED: usize = 100;

/// Greatest document of a custom device model, and greatest script, in bytes; see [`LISTED`].
pub const LISTED_BYTES: usize = 40 * 1024;

/// Most files to replay: each may be a large document.
pub const REPLAYS: usize = 100;

/// Greatest file to replay in bytes: it is one document, held in memory by the fleet that replays it, and shown as a JSON text, which may
/// be twice as long.
pub const REPLAY_BYTES: usize = 2 * 1024 * 1024;

/// Most devices of a simulation: at some kilobytes each they fill a small machine's memory.
pub const DEVICES: u64 = 1_000_000;

/// Greatest document of a simulation in bytes: it is read often while the simulation runs.
pub const SIMULATION_BYTES: usize = 1024 * 1024;

/// Bytes of memory that one call of a script may take: a thousand times what a usual one takes, and little when every thread has one.
pub const SCRIPT_MEMORY: usize = 16 * 1024 * 1024;

/// Bytes of memory that one call of a script may take beside [`SCRIPT_MEMORY`] for each byte of its text: more than compiling the text
/// can take, so that memory never runs out there.
pub const SCRIPT_MEMORY_OF_TEXT: usize = 1024;

/// Longest text of a script in bytes. It is compiled for every call.
pub const SCRIPT_TEXT: usize = 128 * 1024;

/// Bytes of stack that one call of a script may take: some hundred calls deep, and well within its thread's.
pub const SCRIPT_STACK: usize = 512 * 1024;

/// Steps that one call of a script may take: calls of functions and rounds of loops. They are counted, so that a call that is made
/// again ends in the same way. A usual call takes a hundred; these take about half a second.
pub const SCRIPT_STEPS: u32 = 10_000_000;

/// Time after which a call of a script is told to end, whatever it has counted: the engine counts what a script does, and not how long
/// what it calls takes.
pub const SCRIPT_TIME: std::time::Duration = std::time::Duration::from_secs(2);

/// Time after which a call of a script that was told to end is given up, with the thread that it is on.
pub const SCRIPT_LOST: std::time::Duration = std::time::Duration::from_secs(5);

/// Threads that run scripts, at most; as many as there are processors, when they are fewer.
pub const SCRIPT_THREADS: usize = 4;

/// Threads given up at the same time for which others are started. Each may keep a processor busy.
pub const SCRIPT_LOST_THREADS: usize = 4;

/// Scripts remembered for not having come back.
pub const SCRIPTS_HUNG: usize = 1000;

/// Effects of one call of a script: a method that runs for an hour and says each second what it does has some thousands.
pub const SCRIPT_EFFECTS: usize = 10_000;

/// Bytes that the effects of one call of a script may take together: a fleet has many devices, and each has a state.
pub const SCRIPT_OUTPUT: usize = 1024 * 1024;

/// Bytes of a line that a script logs; what is longer is cut.
pub const SCRIPT_LOG_LINE: usize = 4096;

/// Bytes of what is told of a script's failure; what is longer is cut.
pub const SCRIPT_MESSAGE: usize = 1000;

/// Times that a call of a script may sleep. Each is a call of its own that goes the whole way again.
pub const SCRIPT_SLEEPS: u32 = 1000;

/// Longest sleep of a script. One that asks for more has most likely counted in another unit.
pub const SCRIPT_SLEEP: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Devices of each model in one task of a simulation. A task saves its state in one document, and its messages are made by one thread.
pub const DEVICES_PER_PART: u32 = 10_000;

/// Devices that begin to send in a second where nothing has to be connected: so the grid of a large fleet is no single moment.
pub const LOCAL_CONNECTIONS_PER_SECOND: u32 = 10_000;

/// Most operations of a table: deeper windows of windows mean nothing to anybody.
pub const TABLE_OPERATIONS: usize = 8;

/// Most base elements that one row of a table may be made of: they are held in memory, and rendered on one line.
pub const WINDOW_ELEMENTS: usize = 1 << 20;

/// Most samples that one object of a table may span: a year at one a second.
pub const TABLE_MEASURE: u32 = 31_622_400;
/// Greatest sample rate of a table: one sample each nanosecond, which is the finest that markers can tell apart.
pub const SAMPLE_RATE: u64 = 1_000_000_000;

/// Most decimals of a sample rate: with these and [`SAMPLE_RATE`], 128 bits hold whatever is computed with it.
pub const SAMPLE_RATE_DECIMALS: usize = 9;

/// Most bins of a spectrum: at 44.1 kHz they tell 0.04 Hz apart. One row has this many numbers, some twenty bytes each, and its transform
/// takes some tens of milliseconds.
pub const FFT_BINS: usize = 1 << 20;

/// Most bytes of elements that one row of a table is made of: objects of a window may be large, and are held in memory together.
pub const ROW_BYTES: usize = 64 * 1024 * 1024;

/// Longest definition of a table in bytes: it stands in the table's document, which every append writes.
pub const TABLE_DEFINITION: usize = 64 * 1024;

/// Tables that may be fed by a source at once: each costs a step a second while something comes, and jobs and simulations need steps too.
pub const FED_TABLES: usize = 200;

/// Greatest sample rate of a table that fills itself, in Hz: eight megabytes a second.
pub const FED_RATE: f64 = 1e6;

/// Most samples of a signal that is made at once: a day at 44.1 kHz, and thirty gigabytes.
pub const SIGNAL_SAMPLES: u64 = 1 << 32;
/// Frequencies of a signal in Hz. Within these bounds 128 bits hold its phase exactly enough: a decimal of 17 digits has at most 29
/// behind the point.
pub const SIGNAL_FREQUENCY: std::ops::RangeInclusive<f64> = 1e-12..=1e9;

/// Greatest amplitude of a signal: sums of signals, and squares in their spectra, stay far from infinity.
pub const SIGNAL_AMPLITUDE: f64 = 1e100;

/// Least share of a period that a square wave is up or down; see [`SIGNAL_FREQUENCY`].
pub const SIGNAL_DUTY: f64 = 1e-12;

/// Waves that are added up in one signal, however they are nested: each costs some nanoseconds for every sample.
pub const SIGNAL_PARTS: usize = 64;

/// Sums of signals within each other: reading them recurses. Sums within a sum say nothing that one could not.
pub const SIGNAL_NESTING: usize = 8;

/// Longest text of one element that is put into a table, in bytes: it is held in memory while it arrives, as the body of an event is.
pub const ELEMENT_TEXT: usize = REQUEST_BODY;

/// Most samples and bins that are looked at for one picture: reading them takes about a second.
pub const PLOT_SAMPLES: u64 = 50_000_000;

/// Pixels that a side of a picture may have: axes need some, and no screen has many more.
pub const PLOT_SIDE: std::ops::RangeInclusive<u32> = 100..=4000;

/// Longest host of a load generator in bytes: what DNS takes for a name.
pub const RUN_HOST: usize = 255;

/// Longest value of a tag, and longest title, in bytes: a series is named by all its tags together, in 64 KB at most.
pub const RUN_TEXT: usize = 1000;

/// Most tags that a user gives a run or an annotation: each set of values is a series of its own.
pub const RUN_TAGS: usize = 20;

/// Longest name of such a tag in bytes.
pub const RUN_TAG: usize = 100;

/// Longest text of an annotation or about a run, such as its command line, in bytes: they stand in the document of the run.
pub const ANNOTATION_TEXT: usize = 4000;

/// Annotations of a run that its record keeps, the newest; all of them become points.
pub const ANNOTATIONS: usize = 100;

/// Rows of live values that the record of a run keeps. When it has so many, every second one goes.
pub const HISTORY: usize = 240;

/// Runs that go on or wait for the database at once: each is a document that is read every period.
pub const RUNS: usize = 50_000;

/// Runs whose record is kept after their end, and for how long.
pub const ENDED_RUNS: usize = 10_000;
/// See [`ENDED_RUNS`].
pub const ENDED_RUN: std::time::Duration = std::time::Duration::from_secs(90 * 86_400);

/// Runs among the newest whose end is still told by `isrunning`.
pub const ENDED_SHOWN: usize = 1000;

/// Heartbeats that wait for a database: some 200 MB. Beyond, the oldest go. A tick of ten thousand runs has ten thousand.
pub const QUEUED_HEARTBEATS: u64 = 1_000_000;

/// Batches of heartbeats that wait: listing them takes a call for each thousand.
pub const QUEUED_BATCHES: usize = 50_000;

/// Points of one write: what the makers of InfluxDB advise.
pub const WRITE_POINTS: usize = 5000;

/// Bytes after which a write takes no further point: well below what servers take by default.
pub const WRITE_BYTES: usize = 4 * 1024 * 1024;

/// Endpoints of one result that get points of their own: more cannot be told apart, and each set of names is a series.
pub const ENDPOINTS: usize = 5000;

/// Those who may watch what runs at once; each holds a connection.
pub const WATCHERS: usize = 1000;

/// Those who may watch pictures of tables at once: each has rows read for it ten times a second.
pub const TABLE_WATCHERS: usize = 200;
