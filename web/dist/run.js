import"./part-ZW2NUT3U.js";
