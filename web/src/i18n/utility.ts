import { addTexts } from './index'
import chinese from './utility.zh-CN.json'
import english from './utility.en.json'

addTexts(chinese, english)
