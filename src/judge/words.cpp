// SPDX-License-Identifier: Apache-2.0
#include "judge/words.h"

namespace rw {
namespace {

constexpr std::string_view kAdjectives[] = {
    "able",    "ancient", "angry",   "bitter",  "blue",     "brave",    "brief",    "bright",  "broad",
    "brown",   "calm",    "careful", "cheap",   "cheerful", "clean",    "clear",    "clever",  "cold",
    "common",  "cool",    "correct", "costly",  "crisp",    "cruel",    "curious",  "daily",   "damp",
    "dark",    "dear",    "deep",    "distant", "double",   "dry",      "dull",     "eager",   "early",
    "easy",    "eastern", "empty",   "equal",   "even",     "exact",    "faint",    "fair",    "faithful",
    "false",   "famous",  "fast",    "fierce",  "final",    "fine",     "firm",     "flat",    "fond",
    "foreign", "formal",  "free",    "fresh",   "friendly", "full",     "gentle",   "giant",   "glad",
    "golden",  "good",    "grand",   "grave",   "gray",     "great",    "green",    "handy",   "happy",
    "hard",    "harsh",   "heavy",   "high",    "hollow",   "honest",   "hot",      "huge",    "humble",
    "hungry",  "idle",    "inner",   "jolly",   "keen",     "kind",     "large",    "late",    "lazy",
    "lean",    "light",   "little",  "lively",  "local",    "lonely",   "long",     "loose",   "loud",
    "low",     "loyal",   "lucky",   "mellow",  "mild",     "modern",   "modest",   "moist",   "muddy",
    "narrow",  "native",  "neat",    "new",     "noble",    "noisy",    "northern", "odd",     "old",
    "open",    "orange",  "pale",    "patient", "plain",    "pleasant", "polite",   "poor",    "precise",
    "pretty",  "private", "proper",  "proud",   "public",   "pure",     "quick",    "quiet",   "rapid",
    "rare",    "raw",     "ready",   "recent",  "red",      "rich",     "ripe",     "rough",   "round",
    "royal",   "rusty",   "sad",     "safe",    "salty",    "scarce",   "serious",  "sharp",   "short",
    "shy",     "silent",  "silver",  "simple",  "single",   "slender",  "slim",     "slow",    "small",
    "smooth",  "sober",   "social",  "soft",    "solid",    "sour",     "southern", "spare",   "spotless",
    "square",  "stable",  "steady",  "steep",   "stern",    "stiff",    "still",    "strange", "strict",
    "strong",  "sturdy",  "sudden",  "sunny",   "sweet",    "swift",    "tall",     "tame",    "tender",
    "thick",   "thin",    "thirsty", "tidy",    "tight",    "tiny",     "tired",    "total",   "tough",
    "tricky",  "true",    "upper",   "urban",   "useful",   "vague",    "vast",     "violet",  "vivid",
    "warm",    "weak",    "wealthy", "western", "wet",      "white",    "whole",    "wide",    "wild",
    "wise",    "witty",   "wooden",  "yellow",  "young"};

constexpr std::string_view kNouns[] = {
    "acorn",    "actor",   "album",    "anchor",  "angle",    "animal",  "answer",  "apple",    "apron",
    "arch",     "arrow",   "artist",   "autumn",  "badge",    "baker",   "balloon", "banana",   "barrel",
    "basket",   "battle",  "beach",    "beard",   "bell",     "bench",   "berry",   "bicycle",  "bird",
    "blanket",  "board",   "boat",     "bottle",  "bowl",     "branch",  "bread",   "breeze",   "brick",
    "bridge",   "brother", "brush",    "bucket",  "butter",   "button",  "cabin",   "cable",    "camera",
    "canal",    "candle",  "canyon",   "captain", "carpet",   "carrot",  "castle",  "cattle",   "cave",
    "cellar",   "chair",   "chalk",    "cheese",  "cherry",   "chicken", "chimney", "church",   "circle",
    "city",     "clock",   "cloud",    "coal",    "coast",    "coffee",  "collar",  "colony",   "column",
    "copper",   "corner",  "cotton",   "cousin",  "cradle",   "crayon",  "creek",   "crowd",    "crown",
    "curtain",  "cushion", "daisy",    "dancer",  "desert",   "desk",    "diamond", "dinner",   "doctor",
    "dollar",   "dolphin", "donkey",   "door",    "dragon",   "drawer",  "dream",   "dress",    "driver",
    "drum",     "eagle",   "earth",    "elbow",   "engine",   "evening", "fabric",  "factory",  "farmer",
    "feather",  "fence",   "field",    "finger",  "flame",    "flour",   "flower",  "forest",   "fork",
    "fountain", "frame",   "friend",   "garden",  "garlic",   "gate",    "giraffe", "glass",    "glove",
    "goat",     "grape",   "grass",    "guitar",  "hammer",   "harbor",  "hat",     "hawk",     "hedge",
    "helmet",   "hill",    "honey",    "horse",   "hotel",    "house",   "insect",  "island",   "jacket",
    "jar",      "jewel",   "journey",  "jungle",  "kettle",   "key",     "king",    "kitchen",  "kite",
    "ladder",   "lake",    "lamp",     "lantern", "lawyer",   "leader",  "leaf",    "leather",  "lemon",
    "letter",   "library", "lion",     "lizard",  "lobster",  "lock",    "machine", "magnet",   "manor",
    "map",      "maple",   "marble",   "market",  "meadow",   "medal",   "melon",   "mirror",   "monkey",
    "month",    "morning", "mountain", "mouse",   "museum",   "napkin",  "needle",  "nest",     "net",
    "night",    "number",  "ocean",    "office",  "olive",    "onion",   "orchard", "oven",     "owl",
    "oyster",   "package", "paddle",   "palace",  "panther",  "paper",   "parade",  "parrot",   "pasture",
    "pearl",    "pebble",  "pencil",   "pepper",  "piano",    "picture", "pigeon",  "pillow",   "pilot",
    "pirate",   "planet",  "plate",    "pocket",  "poem",     "pond",    "potato",  "powder",   "prince",
    "pumpkin",  "puppet",  "puzzle",   "queen",   "rabbit",   "radio",   "railway", "rain",     "ribbon",
    "rice",     "ring",    "river",    "road",    "rocket",   "roof",    "rope",    "rose",     "sailor",
    "salad",    "saddle",  "salmon",   "school",  "scissors", "seed",    "shadow",  "shark",    "sheep",
    "shelf",    "shell",   "ship",     "shirt",   "shoe",     "shovel",  "sister",  "skirt",    "sky",
    "snow",     "soap",    "soldier",  "soup",    "spider",   "spoon",   "spring",  "squirrel", "stamp",
    "star",     "station", "stone",    "store",   "storm",    "stove",   "street",  "student",  "sugar",
    "summer",   "sunset",  "supper",   "swan",    "sword",    "table",   "tailor",  "teacher",  "temple",
    "tent",     "thread",  "thunder",  "tiger",   "timber",   "tomato",  "tooth",   "tower",    "town",
    "train",    "tray",    "treasure", "tree",    "trumpet",  "tunnel",  "turtle",  "uncle",    "valley",
    "vase",     "vessel",  "village",  "violin",  "voyage",   "wagon",   "wallet",  "walnut",   "water",
    "wave",     "weather", "whale",    "wheat",   "wheel",    "whistle", "window",  "wing",     "winter",
    "wolf",     "wood",    "wool",     "worker",  "yard"};

}  // namespace

std::span<const std::string_view> adjectives() { return kAdjectives; }
std::span<const std::string_view> nouns() { return kNouns; }

}  // namespace rw
