// How the site's search ranks what it found: who searches wants to do something first, and to know why last.
var Scorer = {
  score: ([page, , , , score]) => {
    const folders = { "quick-start": 8, "how-to/": 6, "concepts/": 3, "explanation/": 2, "decisions/": -15 };
    const folder = Object.keys(folders).find((each) => page.startsWith(each));
    return score + (folder ? folders[folder] : 0);
  },

  // What Sphinx has.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
