/**
 * German for the sentences in which the server explains itself, by their code: it writes English.
 * The numbers of a sentence come in their order; a code that is missing here keeps the server's words.
 */
type Sentence = string | ((...numbers: string[]) => string);

export const problems: Record<string, Sentence> = {
  // Why there is no new edit.
  replacing_failed: 'Takt konnte den neuen Schnitt nicht machen, und es liegt nicht am Schnitt. Versuch es später noch einmal.',
  edit_beyond_source: 'Dieser Schnitt will mehr von einem Clip, als da ist. Kürze ihn und versuch es noch einmal.',
  video_not_made: 'Dieses Video ist noch nicht ganz fertig. Schneide es, wenn alles gemacht ist.',
  not_editable: 'Dieses Video lässt sich nicht schneiden: Es muss mindestens eine Sekunde lang sein.',
  sound_consent: 'Der Sound darin ist nicht mehr freigegeben.',
  video_consent: 'Das andere Video darin ist nicht mehr freigegeben.',
  source_gone: 'Ein Video oder Sound in diesem Schnitt wurde inzwischen gelöscht. Nimm es heraus und versuch es noch einmal.',
  // What is wrong with a file.
  empty_file: 'Diese Datei ist leer.',
  not_a_video: 'Diese Datei ist kein Video.',
  unsupported_format: 'Dieses Format kann Takt nicht lesen. MP4, MOV, WebM und MKV gehen.',
  truncated: 'Diese Datei ist unvollständig: Sie wurde beim Sichern oder Kopieren abgeschnitten, und nichts darin lässt sich abspielen.',
  no_video_stream: 'In dieser Datei ist kein bewegtes Bild.',
  too_long: (is, max) => `Dieses Video ist ${is} s lang; Takt nimmt höchstens ${max} s.`,
  too_short: (is, min) => `Dieses Video ist ${is} s lang; Takt nimmt Videos ab ${min} s.`,
  too_big: (is, max) => `Diese Datei hat ${is} MB; Takt nimmt höchstens ${max} MB.`,
  too_many_pixels: (width, height, edge, area) =>
    `Das Bild hat ${width} mal ${height} Pixel; Takt nimmt höchstens ${edge} an der längeren Seite und ${area} Megapixel.`,
  too_few_pixels: (width, height, edge) => `Das Bild hat ${width} mal ${height} Pixel; Takt braucht mindestens ${edge} an der kürzeren Seite.`,
  frame_rate_too_high: (is, max) => `Dieses Video hat ${is} Bilder pro Sekunde; Takt nimmt höchstens ${max}.`,
  bad_aspect: (width, height, ratio) => `Das Bild hat ${width} mal ${height} Pixel; Takt nimmt Bilder, die höchstens ${ratio}-mal so lang wie breit sind.`,
  too_many_streams: (is, max) => `Diese Datei hat ${is} Spuren; Takt nimmt höchstens ${max}.`,
  broken_video: 'Diese Datei ist beschädigt: Ihre Bilder lassen sich nicht lesen.',
  timed_out: 'Die Arbeit an dieser Datei dauerte viel länger, als ihre Länge erklärt. Takt hat aufgegeben.',
  out_of_memory: 'Die Arbeit an dieser Datei brauchte zu viel Speicher. Takt hat aufgegeben.',
  output_too_big: 'Diese Datei wurde beim Umwandeln viel zu groß. Takt hat aufgegeben.',

  // Uploads.
  too_many_uploads: 'Zu viele angefangene Uploads. Bring erst einige zu Ende oder verwirf sie.',
  upload_expired: 'Dieser Upload ist zu alt. Fang noch einmal an.',
  upload_incomplete: 'Dieser Upload ist noch nicht fertig.',
  upload_used: 'Aus diesem Upload wurde schon ein Video.',
  upload_locked: 'Dieser Upload läuft gerade woanders weiter.',
  taken_over: 'Dieser Upload läuft gerade woanders weiter.',
  wrong_offset: 'Der Upload ist aus dem Tritt gekommen. Versuch es noch einmal.',
  broken_body: 'Der Upload wurde unterbrochen. Versuch es noch einmal.',
  too_slow: 'Eine Minute lang kam nichts an. Versuch es noch einmal.',
  beyond_length: 'Es kam mehr an, als angekündigt war. Fang noch einmal an.',

  // Everything else people can meet.
  body_too_large: 'Das ist zu viel auf einmal.',
  conflict: 'Jemand hat gleichzeitig dasselbe getan. Sieh noch einmal nach.',
  own_account: 'Sich selbst kann niemand folgen.',
  too_many: 'Mehr davon geht nicht. Nimm erst etwas zurück.',
  not_reproduced: 'Beim Nachrechnen kam etwas anderes heraus. Das ist ein Fehler bei uns.',
  page_too_old: 'Das ist zu lange her, um es noch einmal auszurechnen.',
  'invalid_field:label': 'Das geht nicht: Es muss ein einzelnes, nicht zu langes Wort sein.',
  'invalid_field:caption': 'Dieser Text geht so nicht. Er darf höchstens 500 Zeichen haben.',
  'invalid_field:format': 'In dieser Datei ist kein Geschmack, den Takt lesen kann.',
  'invalid_field:version': 'Diese Datei ist aus einer neueren Fassung von Takt.',
};
